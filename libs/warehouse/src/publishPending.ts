import { Effect } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditAll } from "./audits.ts"
import type { OnStep } from "./buildHours.ts"
import { nameDevices } from "./nameDevices.ts"
import type { DirtyHour } from "./ledger.ts"
import { readPositions, watermark } from "./ledger.ts"
import { plainTransaction } from "./plainTransaction.ts"
import { folderPublisher } from "./publish.ts"
import type { Pending, PublishFacts } from "./Publisher.ts"
import { readInfo, writeInfo } from "./schema.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { AuditsFailed } from "./WarehouseError.ts"

const publishFacts = (
  session: WarehouseSession,
  audits: AuditResult,
  through: number | null,
  rows: Readonly<Record<string, number>>
): Effect.Effect<PublishFacts, WarehouseError> =>
  Effect.gen(function* () {
    const [span] = yield* session.query(
      "publish",
      `SELECT min(hour) AS first_hour, max(hour) AS last_hour FROM ledger_hours WHERE built_at IS NOT NULL`
    )
    const late = yield* session.query(
      "publish",
      `SELECT hour, late_at FROM ledger_hours WHERE late_at IS NOT NULL ORDER BY late_at DESC, hour DESC LIMIT 100`
    )
    return {
      through,
      firstHour: span["first_hour"] === null ? null : Number(span["first_hour"]),
      lastHour: span["last_hour"] === null ? null : Number(span["last_hour"]),
      lateHours: late.map((row) => ({ hour: Number(row["hour"]), rebuiltAt: Number(row["late_at"]) })),
      audits: {
        passed: audits.passed,
        total: audits.total,
        failed: audits.failures.map(({ audit, model }) => `${model}: ${audit}`)
      },
      rows
    }
  })

const readPending = (session: WarehouseSession): Effect.Effect<ReadonlyArray<Pending>, WarehouseError> =>
  Effect.map(session.query("publish", `SELECT DISTINCT table_name, day, hour FROM pending_publish`), (rows) =>
    rows.map((row) => ({
      table: String(row["table_name"]),
      day: row["day"] === null ? null : Number(row["day"]),
      hour: row["hour"] === null ? null : Number(row["hour"])
    }))
  )

/** The watermark of what is built. */
export const currentWatermark = (
  session: WarehouseSession,
  dirty: ReadonlyArray<DirtyHour>
): Effect.Effect<number | null, WarehouseError> =>
  Effect.map(readPositions(session), (positions) => watermark(positions, dirty[0]?.hour))

/**
 * Publishes what is pending, and again what was damaged since. While models that were published before are made anew
 * (they say something else now, another catalog, asked for) nothing is, so that readers keep the whole old state until
 * the whole new one is there and its audits have passed.
 */
export const publishPending = <E>(
  session: WarehouseSession,
  options: { readonly published: string; readonly onStep: OnStep<E> },
  dirty: ReadonlyArray<DirtyHour>,
  audits: AuditResult,
  counted: Effect.Effect<Record<string, number>, WarehouseError>
): Effect.Effect<void, WarehouseError | AuditsFailed | E> =>
  Effect.gen(function* () {
    const resetting = (yield* readInfo(session, "resetting")) === "yes"
    const remembered = yield* readInfo(session, "published")
    const isSwap = resetting && remembered !== undefined
    if (isSwap && dirty.length > 0) return
    const pending = yield* readPending(session)
    const built = yield* session.query(
      "publish",
      `SELECT hour FROM ledger_hours WHERE built_at IS NOT NULL LIMIT 1`
    )
    if (built.length === 0) return
    const publisher = session.publisher ?? folderPublisher(session, options.published)
    if (pending.length === 0 && (yield* publisher.isSound(remembered))) return
    yield* options.onStep("publish")
    const naming = yield* nameDevices(session)
    if (naming.length > 0) yield* plainTransaction(session, "devices", naming, options.onStep)
    // Tables made anew are audited whole; so is what a kill had put off, which has no audits of its own at hand.
    const isAudited = audits.total > 0 && !isSwap
    if (!isAudited) yield* session.hurry ?? Effect.void
    const passed = isAudited ? audits : yield* auditAll(session)
    if (isSwap && passed.failures.length > 0)
      return yield* new AuditsFailed({ hours: [], failures: passed.failures })
    const through = yield* currentWatermark(session, dirty)
    const version = yield* publisher.publish(
      pending,
      resetting ? undefined : remembered,
      yield* publishFacts(session, passed, through, yield* counted),
      options.onStep("swap")
    )
    yield* options.onStep("published")
    yield* plainTransaction(
      session,
      "published",
      [
        `DELETE FROM pending_publish WHERE TRUE`,
        ...writeInfo(session, "published", version),
        ...writeInfo(session, "resetting", "no")
      ],
      () => Effect.void
    )
  })
