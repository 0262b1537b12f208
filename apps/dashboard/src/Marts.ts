import type { Manifest } from "@musify/warehouse/Manifest.ts"
import type { Effect } from "effect"
import type { PublishedUnreadable } from "./DashboardError.ts"

/** A value of a result: 64-bit integers come as numbers, so keys must be cast to text in the SQL. */
export type Cell = string | number | boolean | null
export type Row = Readonly<Record<string, Cell>>

/**
 * One published version, open for reading: its tables (mart_listening, mart_songs, …) by name in plain SQL.
 * Nothing that is published later changes what it answers.
 */
export interface Marts {
  readonly manifest: Manifest
  /** Checks again that its files are as they were published; costs little while they do not change. */
  readonly verify: Effect.Effect<void, PublishedUnreadable>
  readonly query: (sql: string) => Effect.Effect<ReadonlyArray<Row>, PublishedUnreadable>
}
