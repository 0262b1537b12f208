import { Buffer } from "node:buffer"
import type { Topic } from "@musify/domain/Topic.ts"
import type { DamagedFile } from "@musify/lake/ChainError.ts"
import { textOf } from "@musify/lake/DeadLetterParquet.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { readDeadLetters } from "@musify/lake/readDeadLetters.ts"
import { Effect } from "effect"
import { findDeadLetterFiles } from "./findDeadLetters.ts"
import { readReplays } from "./ReplayJournal.ts"

/** Bytes as they can be shown: text if they are UTF-8, else hex digits. */
export type Shown = { readonly text: string } | { readonly hex: string } | null

/** A dead letter for people and programs. */
export interface ShownDeadLetter {
  readonly topic: Topic
  readonly partition: number
  readonly offset: number
  readonly logTime: string
  readonly reason: string
  readonly key: Shown
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: Shown }>
  readonly bytes: number
  readonly value: Shown
  /** Where it is stored. */
  readonly file: string
  /** Whether it was put back into the log. */
  readonly replayed: boolean
}

const shown = (bytes: Uint8Array | null): Shown => {
  if (bytes === null) return null
  const text = textOf(bytes)
  return text === undefined ? { hex: Buffer.from(bytes).toString("hex") } : { text }
}

/** The dead letter that lay there in the log; undefined: there is none. */
export const showDeadLetter = (
  store: ObjectStoreService,
  topic: Topic,
  partition: number,
  offset: number
): Effect.Effect<ShownDeadLetter | undefined, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const files = (yield* findDeadLetterFiles(store, { topic, partition }))
      .filter(({ firstOffset }) => firstOffset <= offset)
      .sort((a, b) => b.firstOffset - a.firstOffset)
    for (const file of files) {
      const letter = (yield* readDeadLetters(store, file.name)).find((one) => one.offset === offset)
      if (letter === undefined) continue
      const { replays } = yield* readReplays(store, file)
      return {
        topic,
        partition,
        offset,
        logTime: new Date(letter.timestamp).toISOString(),
        reason: letter.reason,
        key: shown(letter.key),
        headers: letter.headers.map(([name, value]) => ({ name, value: shown(value) })),
        bytes: letter.value?.length ?? 0,
        value: shown(letter.value),
        file: store.locate(file.name),
        replayed: replays.some(({ offsets }) => offsets.includes(offset))
      }
    }
    return undefined
  })
