import type { Hour } from "@musify/domain/Hour.ts"
import type { Effect } from "effect"
import type { Manifest } from "./Manifest.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** What a manifest says besides the files. */
export type PublishFacts = Pick<
  Manifest,
  "through" | "firstHour" | "lastHour" | "lateHours" | "audits" | "rows"
>

/**
 * What waits to be published: of a table that is published by day an hour, or a day (whole days since the epoch) as a
 * whole (hour null); of one without days (day null) all of it, or what builds from an hour on have changed.
 */
export interface Pending {
  readonly table: string
  readonly day: number | null
  readonly hour: Hour | null
}

/** Brings what a build has made to where readers look, all at once. */
export interface Publisher {
  /** Whether what readers see is the version of this name, whole. */
  readonly isSound: (version: string | undefined) => Effect.Effect<boolean>
  /**
   * Publishes what is pending; everything, when the version before is not the one that is `remembered`. Answers the
   * name of the version. Killed within, readers see the one before.
   */
  readonly publish: <E>(
    pending: ReadonlyArray<Pending>,
    remembered: string | undefined,
    facts: PublishFacts,
    beforeSwap: Effect.Effect<void, E>
  ) => Effect.Effect<string, WarehouseError | E>
}
