import { makeDecoder } from "@musify/domain/Decoder.ts"
import { reasonKind } from "@musify/lake/BatchBuilder.ts"
import type { DamagedFile } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { readDeadLetters, type StoredDeadLetter } from "@musify/lake/readDeadLetters.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Clock, Effect, Either } from "effect"
import {
  type DeadLetterFile,
  type DeadLetterFilter,
  findDeadLetterFiles,
  isMeant
} from "./findDeadLetters.ts"
import { originAt, originOf, recordsOf, type Origin } from "./origin.ts"
import { makeReplay, putDone, putReplay, readReplays, type Replay } from "./ReplayJournal.ts"

/** Most dead letters, and most of their bytes, of one replay: it is appended in one step. */
const replayLetters = 1000
const replayBytes = 1024 * 1024
const scanBytes = 1024 * 1024
/** Tries to append where the log ended a moment ago, before whoever writes there as well is told of. */
const appendTries = 100

/** What a replay did. */
export interface ReplaySummary {
  /** Put back into the log by this run, also those that an earlier one had begun with. */
  replayed: number
  /** Put back earlier. */
  before: number
  /** Still no events, by the kind of the present reason. */
  stillDead: Record<string, number>
}

export interface ReplayParts {
  readonly store: ObjectStoreService
  readonly log: EventLogService
}

type Failure = ObjectStoreError | EventLogError | DamagedFile | UserError

/** Finds records of a replay in the log, each part of the log read once. */
const makeFinder = (log: EventLogService, replay: Replay, wanted: ReadonlySet<Origin>) => {
  const found = new Set<Origin>()
  let next = replay.after
  return (end: number): Effect.Effect<ReadonlySet<Origin>, EventLogError> =>
    Effect.gen(function* () {
      while (next < end) {
        const batch = yield* log.read(replay.topic, replay.partition, next, scanBytes)
        if (batch.count === 0) break
        for (let i = 0; i < batch.count; i++) {
          const origin = originAt(batch, i)
          if (origin !== undefined && wanted.has(origin)) found.add(origin)
        }
        next = batch.offsets[batch.count - 1] + 1
      }
      return found
    })
}

/**
 * Puts those records of a replay into the log that are not there: looked for from the offset on where the log ended
 * before the replay was planned, and appended only if nobody has written in between. So a replay that was killed, or is
 * made twice at once, puts each record back once.
 */
const complete = (
  { log, store }: ReplayParts,
  replay: Replay,
  letters: ReadonlyArray<StoredDeadLetter>
): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const { after, file, partition, topic } = replay
    const find = makeFinder(log, replay, new Set(letters.map(originOf)))
    for (let tries = 1; ; tries++) {
      const range = yield* log.range(topic, partition)
      if (range.start > after)
        return yield* new UserError({
          message: `Whether dead letters of ${store.locate(file)} were put back cannot be told any more: a replay began at offset ${after} of ${topic}/${partition}, and the log starts at ${range.start}. Look for their events in the lake; this file is left alone.`,
          exitCode: 1
        })
      const found = yield* find(range.end)
      const missing = letters.filter((letter) => !found.has(originOf(letter)))
      if (missing.length === 0) break
      const appended = yield* Effect.either(
        log.append([{ topic, partition, records: recordsOf(missing), expectedOffset: range.end }])
      )
      if (Either.isRight(appended)) break
      // Also an append that failed may have been done: look before anything is said.
      const error = appended.left
      const mayHelp =
        error._tag === "UnexpectedOffset" || (error._tag === "EventLogUnavailable" && error.retryable)
      const now = yield* log.range(topic, partition)
      const since = yield* find(now.end)
      if (letters.every((letter) => since.has(originOf(letter)))) break
      if (!mayHelp || tries === appendTries) return yield* error
      if (error._tag === "EventLogUnavailable") yield* Effect.sleep(Math.min(2000, tries * 100))
    }
    yield* putDone(store, replay)
  })

const bytesOf = ({ key, value }: StoredDeadLetter): number => (key?.length ?? 0) + (value?.length ?? 0)

/** As many letters as may be appended in one step, at least one. */
const firstOf = (letters: ReadonlyArray<StoredDeadLetter>): ReadonlyArray<StoredDeadLetter> => {
  let bytes = 0
  let count = 0
  while (count < letters.length && count < replayLetters) {
    bytes += bytesOf(letters[count])
    if (count > 0 && bytes > replayBytes) break
    count++
  }
  return letters.slice(0, count)
}

const replayFile = (
  parts: ReplayParts,
  filter: DeadLetterFilter,
  file: DeadLetterFile,
  summary: ReplaySummary
): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const { log, store } = parts
    const letters = yield* readDeadLetters(store, file.name)
    const decoder = makeDecoder(file.topic)
    let isFirst = true
    while (true) {
      const { done, replays } = yield* readReplays(store, file)
      const planned = new Set<number>()
      for (const replay of replays) {
        const own = new Set(replay.offsets)
        own.forEach((offset) => planned.add(offset))
        const records = letters.filter(({ offset }) => own.has(offset))
        if (done.has(replay.number)) {
          if (isFirst) summary.before += records.filter((letter) => isMeant(filter, letter)).length
          continue
        }
        yield* complete(parts, replay, records)
        summary.replayed += records.length
      }
      isFirst = false
      // The log stamps a record with the time at which it is appended: so must the decoder's answer be.
      const now = yield* Clock.currentTimeMillis
      const dead: Record<string, number> = {}
      const good: Array<StoredDeadLetter> = []
      for (const letter of letters) {
        if (planned.has(letter.offset) || !isMeant(filter, letter)) continue
        const reason = decoder.decode(letter.value, now, letter.offset)
        if (reason === undefined) good.push(letter)
        else dead[reasonKind(reason)] = (dead[reasonKind(reason)] ?? 0) + 1
      }
      decoder.take()
      const first = firstOf(good)
      if (first.length === 0) {
        for (const [kind, count] of Object.entries(dead))
          summary.stillDead[kind] = (summary.stillDead[kind] ?? 0) + count
        return
      }
      const { end } = yield* log.range(file.topic, file.partition)
      const offsets = first.map(({ offset }) => offset)
      // Put or not, the next turn reads it and completes it.
      yield* putReplay(store, makeReplay(file, replays.length, offsets, end))
    }
  })

/**
 * Decodes dead letters once more, and puts those that are good now back through the log, into their own partition, each
 * once however often this is run, killed or doubled. The others stay dead. Progress is told after each file.
 */
export const replayDeadLetters = (
  parts: ReplayParts,
  filter: DeadLetterFilter,
  onFile: (done: number, of: number) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<ReplaySummary, Failure> =>
  Effect.gen(function* () {
    const files = yield* findDeadLetterFiles(parts.store, filter)
    const summary: ReplaySummary = { replayed: 0, before: 0, stillDead: {} }
    // Oldest first, as they were sent.
    for (const [i, file] of [...files].reverse().entries()) {
      yield* replayFile(parts, filter, file, summary)
      yield* onFile(i + 1, files.length)
    }
    return summary
  })
