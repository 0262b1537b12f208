import { Effect } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditAll } from "./audits.ts"
import { models } from "./models/models.ts"
import { prepareLedger } from "./schema.ts"
import { Warehouse } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** Audits everything in the warehouse: what `musify audit` shows of the star schema. */
export const runAudits: Effect.Effect<AuditResult, WarehouseError, Warehouse> = Effect.scoped(
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    const session = yield* warehouse.open
    yield* prepareLedger(session, warehouse.place)
    const [made] = yield* session.query("ledger", `SELECT count(*) AS n FROM model_versions`)
    return Number(made["n"]) < models.length
      ? { total: 0, passed: 0, failures: [] }
      : yield* Effect.zipRight(session.hurry ?? Effect.void, auditAll(session))
  })
)
