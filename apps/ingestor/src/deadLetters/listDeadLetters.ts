import type { Topic } from "@musify/domain/Topic.ts"
import { reasonKind } from "@musify/lake/BatchBuilder.ts"
import type { DamagedFile } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { readDeadLetters } from "@musify/lake/readDeadLetters.ts"
import { Effect } from "effect"
import { type DeadLetterFilter, findDeadLetterFiles, isMeant } from "./findDeadLetters.ts"
import { readReplays } from "./ReplayJournal.ts"

/** Dead letters of one topic, hour and kind of reason. */
export interface DeadLetterGroup {
  /** Hour of the log time, `2026-11-23T16:00Z`. */
  readonly hour: string
  readonly topic: Topic
  readonly reason: string
  count: number
  /** Of these, put back into the log. */
  replayed: number
  /** One of them, as `show` takes it, and its whole reason. */
  readonly example: string
  readonly exampleReason: string
}

/** Counts dead letters by hour, topic and kind of reason: newest hour first, then the most. One file is read at a time. */
export const listDeadLetters = (
  store: ObjectStoreService,
  filter: DeadLetterFilter
): Effect.Effect<ReadonlyArray<DeadLetterGroup>, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const groups = new Map<string, DeadLetterGroup>()
    for (const file of yield* findDeadLetterFiles(store, filter)) {
      const letters = (yield* readDeadLetters(store, file.name)).filter((letter) => isMeant(filter, letter))
      if (letters.length === 0) continue
      const { replays } = yield* readReplays(store, file)
      const replayed = new Set(replays.flatMap(({ offsets }) => offsets))
      const hour = `${new Date(file.hour).toISOString().slice(0, 16)}Z`
      for (const { offset, partition, reason, topic } of letters) {
        const kind = reasonKind(reason)
        const name = JSON.stringify([hour, topic, kind])
        const group = groups.get(name) ?? {
          hour,
          topic,
          reason: kind,
          count: 0,
          replayed: 0,
          example: `${topic}/${partition}/${offset}`,
          exampleReason: reason
        }
        groups.set(name, group)
        group.count++
        if (replayed.has(offset)) group.replayed++
      }
    }
    return [...groups.values()].sort((a, b) =>
      a.hour === b.hour ? b.count - a.count : a.hour < b.hour ? 1 : -1
    )
  })
