import { Buffer } from "node:buffer"
import { Effect, Layer, Option } from "effect"
import type { ObjectStoreService } from "./ObjectStore.ts"
import { ObjectStore } from "./ObjectStore.ts"

/** A bucket in memory, without metadata: for models and tests. `objects` may be looked at, and broken, by the test. */
export const makeMemoryObjectStore = (objects: Map<string, Uint8Array> = new Map()): ObjectStoreService => ({
  putIfAbsent: (name, bytes) =>
    Effect.sync(() => {
      if (objects.has(name)) return "exists"
      objects.set(name, new Uint8Array(bytes))
      return "created"
    }),
  get: (name) => Effect.sync(() => Option.fromNullable(objects.get(name))),
  metadata: (name) => Effect.sync(() => (objects.has(name) ? Option.some({}) : Option.none())),
  list: (prefix, options = {}) =>
    Effect.sync(() =>
      [...objects.keys()]
        .filter((name) => name.startsWith(prefix) && compare(name, options.startAt ?? "") >= 0)
        .sort(compare)
        .slice(0, options.limit ?? objects.size)
        .map((name) => ({ name, size: objects.get(name)!.length }))
    ),
  remove: (name) => Effect.sync(() => void objects.delete(name)),
  locate: (name) => `memory://${name}`
})

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export const layer: Layer.Layer<ObjectStore> = Layer.sync(ObjectStore, () => makeMemoryObjectStore())
