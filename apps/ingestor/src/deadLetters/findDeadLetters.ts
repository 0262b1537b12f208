import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { reasonKind } from "@musify/lake/BatchBuilder.ts"
import { deadLetterPrefix } from "@musify/lake/objectNames.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { StoredDeadLetter } from "@musify/lake/readDeadLetters.ts"
import { Effect } from "effect"

/** Which dead letters are meant; what is not given does not matter. */
export interface DeadLetterFilter {
  readonly topic?: Topic | undefined
  readonly partition?: number | undefined
  /** Kind of reason ("wrong type"), or the beginning of a whole one. */
  readonly reason?: string | undefined
  /** Log time, epoch ms: from (inclusive) … to (exclusive). */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** A dead-letter file, as its name says. */
export interface DeadLetterFile {
  readonly name: string
  readonly topic: Topic
  readonly partition: number
  /** Hour of the log time, epoch ms. */
  readonly hour: number
  readonly firstOffset: number
}

const pageSize = 1000
const hourMs = 3_600_000
const fileName = /year=(\d{4})\/month=(\d\d)\/day=(\d\d)\/hour=(\d\d)\/(\d+)-\d+-(\d+)\.parquet$/

const fileOf = (topic: Topic, name: string): DeadLetterFile | undefined => {
  const match = fileName.exec(name)
  if (match === null) return undefined
  const [year, month, day, hour, partition, firstOffset] = match.slice(1).map(Number)
  return { name, topic, partition, hour: Date.UTC(year, month - 1, day, hour), firstOffset }
}

/** The dead-letter files in which such letters may lie, newest hour first. */
export const findDeadLetterFiles = (
  store: ObjectStoreService,
  { from = -Infinity, partition, to = Infinity, topic }: DeadLetterFilter
): Effect.Effect<ReadonlyArray<DeadLetterFile>, ObjectStoreError> =>
  Effect.gen(function* () {
    const files: Array<DeadLetterFile> = []
    for (const of of topic === undefined ? topics : [topic]) {
      const prefix = deadLetterPrefix(of)
      for (let startAt = prefix; ;) {
        const page = yield* store.list(prefix, { startAt, limit: pageSize })
        for (const { name } of page) {
          const file = fileOf(of, name)
          if (file === undefined || (partition !== undefined && file.partition !== partition)) continue
          if (file.hour + hourMs > from && file.hour < to) files.push(file)
        }
        if (page.length < pageSize) break
        startAt = `${page[page.length - 1].name}\u0000`
      }
    }
    return files.sort((a, b) => b.hour - a.hour || (a.name < b.name ? -1 : 1))
  })

/** Whether a letter is meant. */
export const isMeant = (
  { from = -Infinity, partition, reason, to = Infinity, topic }: DeadLetterFilter,
  letter: StoredDeadLetter
): boolean =>
  (topic === undefined || letter.topic === topic) &&
  (partition === undefined || letter.partition === partition) &&
  letter.timestamp >= from &&
  letter.timestamp < to &&
  (reason === undefined || reasonKind(letter.reason) === reason || letter.reason.startsWith(reason))
