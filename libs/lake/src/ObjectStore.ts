import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { ObjectStoreError } from "./ObjectStoreError.ts"

/** Name and size (bytes) of a stored object. Names use "/" and have no leading slash. */
export interface ObjectEntry {
  readonly name: string
  readonly size: number
}

/** What a store keeps beside an object's bytes: small texts by key. Cloud Storage bounds them to 8 KiB together. */
export type ObjectMetadata = Readonly<Record<string, string>>

/** A bucket. Every put is atomic: an object is there whole or not at all, also after a kill -9 or a power cut. */
export interface ObjectStoreService {
  /**
   * Stores the object unless one of this name exists: "created", or "exists" with nothing changed. After an answer that
   * got lost on its way the object that exists may be this call's own: compare. At most one caller hears "created".
   */
  readonly putIfAbsent: (
    name: string,
    bytes: Uint8Array,
    metadata?: ObjectMetadata
  ) => Effect.Effect<"created" | "exists", ObjectStoreError>
  readonly get: (name: string) => Effect.Effect<Option.Option<Uint8Array>, ObjectStoreError>
  /**
   * The metadata that the object was put with, read without its bytes; none when there is no such object. A store that
   * keeps no metadata (a local directory) answers with no entries, and so does one whose object was copied into it by
   * other tools: then only the bytes tell.
   */
  readonly metadata: (name: string) => Effect.Effect<Option.Option<ObjectMetadata>, ObjectStoreError>
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
