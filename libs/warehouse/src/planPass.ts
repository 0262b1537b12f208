import { hourStart } from "@musify/domain/Hour.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Effect } from "effect"
import { buildTransaction } from "./buildHours.ts"
import type { BuildError } from "./buildPass.ts"
import { readPlans } from "./intake.ts"
import type { DirtyHour } from "./ledger.ts"
import { builtModels, readDirtyHours, readPositions } from "./ledger.ts"
import { firstOf, modelVersions } from "./modelVersions.ts"
import { prepareLedger, staleModels } from "./schema.ts"
import { Warehouse } from "./Warehouse.ts"

/** What the next pass would do. */
export interface PassPlan {
  readonly dirty: ReadonlyArray<DirtyHour>
  /** Closed plans of the lake that the ledger has not taken in. */
  readonly newPlans: number
  /** Models that say something else than their tables were made for, or read another catalog: where it began. */
  readonly changedModels: ReadonlyArray<string>
  /** Most bytes that building the dirty hours at once may be billed for; undefined where queries are not billed. */
  readonly bytes: number | undefined
}

/** The dirty hours and why, without building them: what `batch plan` shows. */
export const planPass = (
  catalogVersion: string | undefined
): Effect.Effect<PassPlan, BuildError, Warehouse | ObjectStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const session = yield* warehouse.open
      yield* prepareLedger(session, warehouse.place)
      const versions = modelVersions(session.dialect, catalogVersion)
      const read = yield* readPositions(session)
      const plans = yield* readPlans(read)
      const stale = yield* staleModels(session, versions)
      const dirty = new Map((yield* readDirtyHours(session, versions)).map((one) => [one.hour, one]))
      const positions = new Map(read.map(({ maxTs, partition, topic }) => [`${topic}/${partition}`, maxTs]))
      const built = new Set(
        (yield* session.query("plan", `SELECT hour FROM ledger_hours WHERE built_at IS NOT NULL`)).map(
          (row) => Number(row["hour"])
        )
      )
      for (const { files, maxTs, partition, topic } of plans) {
        const chain = `${topic}/${partition}`
        const before = positions.get(chain) ?? null
        for (const { hour, rows } of files) {
          const known = dirty.get(hour)
          const isLate = built.has(hour) && before !== null && before >= hourStart(hour + 1)
          dirty.set(hour, {
            hour,
            hash: "",
            late: isLate || known?.late === true,
            rows: (known?.rows ?? 0) + rows,
            builtBefore: built.has(hour),
            models: builtModels.map(({ name }) => name),
            changed: known?.changed ?? [],
            failed: known?.failed ?? null
          })
        }
        if (maxTs !== null) positions.set(chain, Math.max(before ?? -Infinity, maxTs))
      }
      const sorted = [...dirty.values()].sort((a, b) => a.hour - b.hour)
      const bytes =
        session.cost === undefined || sorted.length === 0
          ? undefined
          : yield* session.cost(
              buildTransaction(session.dialect, sorted, {}, versions, 0),
              sorted[0].hour,
              sorted[sorted.length - 1].hour
            )
      return {
        dirty: sorted,
        newPlans: plans.length,
        changedModels: built.size === 0 ? [] : firstOf(stale),
        bytes
      }
    })
  )

/** Why models of an hour are to be built, for people. */
export const reasonsOf = (hour: DirtyHour, changedModels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { builtBefore, changed, failed, late, models: names } = hour
  const reasons: Array<string> = []
  if (failed !== null) reasons.push(`audit failed: ${failed}`)
  if (!builtBefore) reasons.push("new")
  else if (changed.length < names.length) reasons.push(late ? "late files" : "new files")
  if (builtBefore && changed.length > 0) {
    const first = firstOf(new Set(changed)).join(", ")
    reasons.push(changedModels.length > 0 ? `changed model: ${first}` : `to be built again: ${first}`)
  }
  return reasons
}
