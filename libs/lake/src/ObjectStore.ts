import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { ObjectStoreError } from "./ObjectStoreError.ts"

/** Name and size (bytes) of a stored object. Names use "/" and have no leading slash. */
export interface ObjectEntry {
  readonly name: string
  readonly size: number
}

/** A bucket. Every put is atomic: an object is there whole or not at all, also after a kill -9 or a power cut. */
export interface ObjectStoreService {
  /** Stores the object unless one of this name exists: "created", or "exists" with nothing changed. */
  readonly putIfAbsent: (
    name: string,
    bytes: Uint8Array
  ) => Effect.Effect<"created" | "exists", ObjectStoreError>
  readonly get: (name: string) => Effect.Effect<Option.Option<Uint8Array>, ObjectStoreError>
  /** Entries whose name begins with `prefix`, in byte order of the name, from `startAt` (inclusive) on, at most `limit`. */
  readonly list: (
    prefix: string,
    options?: { readonly startAt?: string; readonly limit?: number }
  ) => Effect.Effect<ReadonlyArray<ObjectEntry>, ObjectStoreError>
  /** Deletes an object; one that is not there is no error. */
  readonly remove: (name: string) => Effect.Effect<void, ObjectStoreError>
  /** Where the object is found by DuckDB and people: an absolute path, or a gs:// URI. */
  readonly locate: (name: string) => string
}

export class ObjectStore extends Context.Tag("@musify/lake/ObjectStore")<ObjectStore, ObjectStoreService>() {}
