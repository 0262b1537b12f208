import type { Hour } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Effect, Scope } from "effect"
import { Context } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { Publisher } from "./Publisher.ts"
import type { AuditFailure, WarehouseError, WarehouseUnavailable } from "./WarehouseError.ts"

/** A value as a query returns it: BIGINT as bigint, TIMESTAMP as epoch ms, DATE as "YYYY-MM-DD". */
export type SqlValue = string | number | bigint | boolean | null
export type SqlRow = Readonly<Record<string, SqlValue>>

/** Part of a transaction; `name` names it in errors and to hooks. */
export interface Step {
  readonly name: string
  readonly phase: "stage" | "build"
  readonly statements: ReadonlyArray<string>
}

/** A query that must find nothing, run at the end of a transaction. */
export interface Check {
  readonly model: string
  readonly audit: string
  readonly badRows: string
  /**
   * Finds a row whenever this check or another one with the same `suspects` does, and costs less than they do: when it
   * finds none, all of them have passed. It may find some when they do not.
   */
  readonly suspects?: string | undefined
}

/**
 * All or nothing, said as a value, so that an engine may run it as one script. Temporary tables and variables that a
 * statement makes are there for the statements after it, and gone at the end.
 */
export interface Transaction {
  /** What it does to what: two with the same id on the same state do the same. */
  readonly id: string
  readonly steps: ReadonlyArray<Step>
  /** When one of them finds rows, all is rolled back. */
  readonly checks: ReadonlyArray<Check>
}

/** What happens around the parts of a transaction. */
export interface TransactionHooks<E> {
  /** Before each step, before the checks ("audit") and before it is made to last ("commit"). */
  readonly onStep: (step: string) => Effect.Effect<void, E>
  readonly during: <A, E2, R>(
    phase: "stage" | "build" | "audit",
    effect: Effect.Effect<A, E2, R>
  ) => Effect.Effect<A, E2, R>
}

/** A lake file, by its name in the bucket. */
export interface LakeFileName {
  readonly topic: Topic
  readonly path: string
}

/** Few large files, by what a query says after FROM: to read columns of them again is cheaper than to keep what was read. */
export interface LargeFiles {
  readonly large: string
}

/** For each topic that has files: what a query says after FROM to read their rows, under the lake's names. */
export type StagedFiles = Readonly<Partial<Record<Topic, string | LargeFiles>>>

/** A warehouse that can be asked. */
export interface WarehouseReader {
  readonly dialect: Dialect
  readonly query: (step: string, statement: string) => Effect.Effect<ReadonlyArray<SqlRow>, WarehouseError>
}

/** An open warehouse. One batcher at a time has it. */
export interface WarehouseSession extends WarehouseReader {
  /** The stored tables and views. */
  readonly tables: Effect.Effect<
    ReadonlyArray<{ readonly name: string; readonly isView: boolean }>,
    WarehouseError
  >
  /**
   * Makes tables and fills them, in order. Killed within, it is to be run again from the start: where tables cannot be
   * made in a transaction, part of it stays.
   */
  readonly define: (step: string, statements: ReadonlyArray<string>) => Effect.Effect<void, WarehouseError>
  /** Answers what the checks found, at most 20 rows of each; nothing of the transaction stays then. */
  readonly transact: <E>(
    transaction: Transaction,
    hooks: TransactionHooks<E>
  ) => Effect.Effect<ReadonlyArray<AuditFailure>, WarehouseError | E>
  /** Makes lake files readable for the steps of a transaction. */
  readonly stage: (
    files: ReadonlyArray<LakeFileName>
  ) => Effect.Effect<StagedFiles, WarehouseError | ObjectStoreError, ObjectStore>
  /** Most bytes that a build may be billed for, where queries are billed by bytes. Hours both included. */
  readonly cost?: (transaction: Transaction, from: Hour, to: Hour) => Effect.Effect<number, WarehouseError>
  /** How many rows stored tables have, where it is dear to count them. */
  readonly rowCounts?: (
    tables: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyMap<string, number>, WarehouseError>
  /** Lets what follows take more memory, where the engine runs on this machine: for much work, since it makes little dearer. */
  readonly hurry?: Effect.Effect<void, WarehouseError>
  /** Where readers look, if the engine has a place of its own for it; else the folder `published`. */
  readonly publisher?: Publisher
}

/** The star schema's engine. Opened only for the length of a run: one process at a time holds it. */
export interface WarehouseService {
  readonly open: Effect.Effect<WarehouseSession, WarehouseUnavailable, Scope.Scope>
  /** Where it lies, for messages. */
  readonly place: string
}

export class Warehouse extends Context.Tag("@musify/warehouse/Warehouse")<Warehouse, WarehouseService>() {}
