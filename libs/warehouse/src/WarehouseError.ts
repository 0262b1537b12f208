import { Schedule, Schema } from "effect"

/**
 * The warehouse cannot be opened, or refuses: `message` names the file (or dataset), what is wrong with it and what to
 * do. "locked", "unreachable" and "quota" pass by themselves; the others do not.
 */
export class WarehouseUnavailable extends Schema.TaggedError<WarehouseUnavailable>()("WarehouseUnavailable", {
  reason: Schema.Literal(
    "locked",
    "damaged",
    "newer format",
    "disk full",
    "not writable",
    "unreachable",
    "quota",
    "refused",
    "missing"
  ),
  file: Schema.String,
  message: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  /** Of a program that ends with it: 1 found wrong, 2 wrong use, 3 not reachable. */
  get exitCode(): 1 | 2 | 3 {
    if (this.reason === "damaged") return 1
    return ["newer format", "not writable", "missing"].includes(this.reason) ? 2 : 3
  }
}

/** How to try again while another process has the warehouse, as an auditor has it for a moment: half a minute at most. */
export const whileLocked = {
  while: ({ reason }: WarehouseUnavailable): boolean => reason === "locked",
  schedule: Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(120))
}

/** A lake file could not be read, or holds other rows than its plan says. Nothing of the run was kept. */
export class LakeFileDamaged extends Schema.TaggedError<LakeFileDamaged>()("LakeFileDamaged", {
  file: Schema.String,
  message: Schema.String
}) {}

/** A statement failed; `step` names the model or step that it belongs to. A fault of this program. */
export class StatementFailed extends Schema.TaggedError<StatementFailed>()("StatementFailed", {
  step: Schema.String,
  message: Schema.String,
  statement: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {}

/** What an audit found: rows that must not be there, at most 20 of them, and the query that finds all. */
export const AuditFailure = Schema.Struct({
  audit: Schema.String,
  model: Schema.String,
  rows: Schema.Array(Schema.String),
  query: Schema.String
})
export type AuditFailure = typeof AuditFailure.Type

/**
 * Audits failed after a build: it was rolled back, and what was published before stays. Without hours: of all tables,
 * before those that were made anew are published.
 */
export class AuditsFailed extends Schema.TaggedError<AuditsFailed>()("AuditsFailed", {
  hours: Schema.Array(Schema.String),
  failures: Schema.Array(AuditFailure)
}) {
  override get message(): string {
    const all = `${this.failures.length} audit(s) failed of the tables that were made anew; the last good state stays published.`
    const span =
      this.hours.length === 1 ? this.hours[0] : `${this.hours[0]} to ${this.hours[this.hours.length - 1]}`
    const what = this.failures.map(
      ({ audit, model, query, rows }) =>
        `${model}: ${audit}\n${rows.map((row) => `    ${row}`).join("\n")}\n  All of them: ${query.trim()}`
    )
    const where =
      this.hours.length === 0
        ? all
        : `${this.failures.length} audit(s) failed for the build of ${span}; it was rolled back and the last good state stays published.`
    return `${where}\n  ${what.join("\n  ")}`
  }
}

export type WarehouseError = WarehouseUnavailable | LakeFileDamaged | StatementFailed
