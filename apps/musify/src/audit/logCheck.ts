import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
import type { AuditBucket } from "./AuditBucket.ts"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { Chain } from "./chains.ts"
import { closedEnd } from "./chains.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import type { Stored } from "./storedRuns.ts"
import { storedRuns } from "./storedRuns.ts"
import type { Runs } from "./runs.ts"
import { joined, RunCollector, size, subtract, within } from "./runs.ts"

const readBytes = 8 * 1024 * 1024

/** The offsets in [from, to) that the log holds. */
const loggedRuns = (
  log: EventLogService,
  topic: Topic,
  partition: number,
  from: number,
  to: number,
  onRead: (records: number) => Effect.Effect<void>
): Effect.Effect<Runs, EventLogError> =>
  Effect.gen(function* () {
    const found = new RunCollector()
    for (let at = from; at < to;) {
      const { count, offsets } = yield* log.read(topic, partition, at, readBytes)
      if (count === 0) break
      for (let i = 0; i < count && offsets[i] < to; i++) found.add(offsets[i])
      at = offsets[count - 1] + 1
      yield* onRead(count)
    }
    return found.runs
  })

const sayRuns = (runs: Runs, topic: string, partition: number, problem: string): ReadonlyArray<Difference> =>
  runs.map(([from, to]) => ({ topic, partition, from, to, problem }))

const checkPartition = (
  log: EventLogService,
  topic: Topic,
  partition: number,
  chain: Chain | undefined,
  stored: ReadonlyArray<Stored>,
  drained: boolean,
  onRead: (records: number) => Effect.Effect<void>
): Effect.Effect<
  { readonly checked: number; readonly lag: number; readonly wrong: ReadonlyArray<Difference> },
  EventLogError
> =>
  Effect.gen(function* () {
    const { end, start } = yield* log.range(topic, partition)
    const ingested = (chain === undefined ? undefined : closedEnd(chain)) ?? start
    const logged = yield* loggedRuns(log, topic, partition, start, Math.min(ingested, end), onRead)
    const own = stored.filter((one) => one.partition === partition)
    const all = joined(own.map(({ run }) => run))
    const say = (runs: Runs, problem: string) => sayRuns(runs, topic, partition, problem)
    const wrong = [
      ...own.flatMap(({ run, times }) =>
        times > 1 ? say([run], `${times} times in the lake and its dead letters`) : []
      ),
      ...say(subtract(logged, all), "on the log, but neither in the lake nor in its dead letters"),
      ...say(
        subtract(within(all, start, Math.min(ingested, end)), logged),
        "in the lake or its dead letters, but not on the log"
      ),
      ...say(
        within(all, end, Infinity),
        `in the lake, but the log ends at ${end}: it was made anew or cut off`
      )
    ]
    if (ingested > end) wrong.push(...say([[end, ingested]], `planned, but the log ends at ${end}`))
    if (drained && ingested < end) wrong.push(...say([[ingested, end]], "on the log, but not ingested"))
    return { checked: size(logged), lag: Math.max(0, end - ingested), wrong }
  })

/**
 * Log = lake + dead letters: every record from the log's start to the end of its chain is stored exactly once, by a
 * plain glob. Records behind the chain's end are lag, or with `drained` differences. Read the chains before: whatever
 * they call closed is then in the lake.
 */
export const checkLog = (
  db: AuditDb,
  bucket: AuditBucket,
  chains: ReadonlyArray<Chain>,
  drained: boolean,
  log: EventLogService
): Effect.Effect<Check, ReadFailed | EventLogError | ObjectStoreError> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    const notes: Array<string> = []
    const progress = yield* Progress
    let checked = 0
    let read = 0
    const total = chains.reduce((sum, chain) => sum + (closedEnd(chain) ?? 0), 0)
    const onRead = (records: number) => {
      read += records
      return progress.report("log", { done: read, total, unit: "records" })
    }
    yield* onRead(0)
    for (const topic of topics) {
      const stored = yield* storedRuns(db, bucket, topic)
      if (stored.unreadable.length > 0) {
        wrong.push(...stored.unreadable)
        continue
      }
      const partitions = yield* log.partitions(topic)
      for (let partition = 0; partition < partitions; partition++) {
        const chain = chains.find((one) => one.topic === topic && one.partition === partition)
        const found = yield* checkPartition(log, topic, partition, chain, stored.runs, drained, onRead)
        checked += found.checked
        wrong.push(...found.wrong)
        if (found.lag > 0 && !drained)
          notes.push(`${topic}/${partition}: ${found.lag} records wait to be ingested`)
      }
      for (const { partition, run } of stored.runs)
        if (partition >= partitions)
          wrong.push(
            ...sayRuns([run], topic, partition, `in the lake, but the log has ${partitions} partitions`)
          )
    }
    yield* progress.finish("log")
    return makeCheck("log = lake + dead letters, each offset once", checked, "records", wrong, notes)
  })
