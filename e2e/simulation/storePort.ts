import { Effect, Exit, Option } from "effect"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import type { makeCall } from "./calls.ts"
import type { SimulatedStore } from "./SimulatedStore.ts"
import { stepOfGet, stepOfPut } from "./steps.ts"
import { decoderOf, type Writer } from "./Writer.ts"

/** The bucket as one writer sees it. */
export const storePort = (
  store: SimulatedStore,
  call: ReturnType<typeof makeCall>,
  writer: Writer
): ObjectStoreService => {
  const about = (name: string) => ({
    writer,
    what: name,
    partition: partitionOf(name),
    unavailable: (why: string) =>
      new ObjectStoreUnavailable({ name, message: `${name}: ${why}`, retryable: true })
  })
  return {
    putIfAbsent: (name, bytes, metadata = {}) =>
      Effect.suspend(() => {
        // The sender may use its buffer again before the request is there.
        const sent = bytes.slice()
        return call({
          ...about(name),
          step: stepOfPut(name),
          perform: () => Exit.succeed(store.putIfAbsent(name, sent, metadata, decoderOf(writer.release)))
        })
      }),
    get: (name) =>
      call({
        ...about(name),
        step: stepOfGet(name),
        perform: () => Exit.succeed(Option.fromNullable(store.get(name)))
      }),
    metadata: (name) =>
      call({
        ...about(name),
        step: stepOfGet(name),
        perform: () => Exit.succeed(Option.fromNullable(store.metadata(name)))
      }),
    list: (prefix, options) =>
      call({
        ...about(prefix),
        step: "list plans",
        perform: () => Exit.succeed(store.list(prefix, options))
      }),
    remove: (name) =>
      call({ ...about(name), step: stepOfPut(name), perform: () => Exit.succeed(store.remove(name)) }),
    locate: (name) => `simulated://${name}`
  }
}

const partitionOf = (name: string): number | undefined => {
  const parts = name.split("/")
  const text = parts[0] === "log" ? parts[2] : parts[parts.length - 1].split("-")[0]
  return /^\d+$/.test(text) ? Number(text) : undefined
}
