import type { Effect, Scope } from "effect"
import { Context } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { WarehouseError, WarehouseUnavailable } from "./WarehouseError.ts"

/** A value as a query returns it: BIGINT as bigint, TIMESTAMP as epoch ms, DATE as "YYYY-MM-DD". */
export type SqlValue = string | number | bigint | boolean | null
export type SqlRow = Readonly<Record<string, SqlValue>>

/** An open warehouse: one connection, so temporary tables and the transaction are its own. */
export interface WarehouseSession {
  /** Runs statements in order; `step` names them in errors. */
  readonly run: (step: string, statements: ReadonlyArray<string>) => Effect.Effect<void, WarehouseError>
  readonly query: (step: string, statement: string) => Effect.Effect<ReadonlyArray<SqlRow>, WarehouseError>
  /** All or nothing: a failure or an interruption rolls back. Not to be nested. */
  readonly transaction: <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | WarehouseError, R>
  readonly dialect: Dialect
}

/** The star schema's engine. Opened only for the length of a run: one process at a time holds it. */
export interface WarehouseService {
  readonly open: Effect.Effect<WarehouseSession, WarehouseUnavailable, Scope.Scope>
  /** Where it lies, for messages. */
  readonly place: string
}

export class Warehouse extends Context.Tag("@musify/warehouse/Warehouse")<Warehouse, WarehouseService>() {}
