import { topics } from "@musify/domain/Topic.ts"
import { makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { kafkaTestSettings } from "@musify/stream/testing/kafkaTestSettings.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { Duration, Effect, Exit, Scope } from "effect"
import { appendFileSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { steadyPrograms } from "./acts.ts"
import type { OwnExit } from "./ChildProgram.ts"
import { Disturber } from "./Disturber.ts"
import { Findings } from "./Findings.ts"
import { readJournals } from "./journal.ts"
import { LakeWatch, type SeenPartition } from "./LakeWatch.ts"
import { judge, type Verdict } from "./oracle.ts"
import { countPlans, countTakeOvers } from "./countPlans.ts"
import { makeWorld, partitions, topicPrefix, type World } from "./World.ts"

export interface ChaosOptions {
  /** How long faults happen. */
  readonly seconds: number
  /** Decides what is done and in which order. */
  readonly seed: number
  /** For the servers' data and the logs of all processes; removed when all is well, unless it is to be kept. */
  readonly folder: string
  readonly keep?: boolean
  /** Told what happens. */
  readonly say: (line: string) => void
}

export interface ChaosReport extends Verdict {
  readonly ok: boolean
  readonly seed: number
  /** How long faults happened, and how long it took from their end until everything was in the lake. */
  readonly seconds: number
  readonly drain_s: number
  /** Records that were in the lake when the last fault ended. */
  readonly underFaults: number
  /** Acts done, by kind. */
  readonly acts: Readonly<Record<string, number>>
  readonly answersDropped: number
  /** Puts that met an object that was there: after a lost answer, or of a writer that was too late. */
  readonly refusedPuts: number
  readonly files: number
  readonly plans: number
  /** How often a plan's writer was not the writer of the plan before. */
  readonly takeOvers: number
  /** Programs that ended by themselves; they were started again. */
  readonly ownExits: ReadonlyArray<OwnExit>
  /** What is wrong, in words; empty when all is well. */
  readonly findings: ReadonlyArray<string>
  /** Where data and logs are; undefined: they are gone. */
  readonly folder: string | undefined
}

/** Records a second that the producer writes, about. */
const rate = 1500
const lookMs = 5000
/** After the last fault the lake must get more of what is missing within so long, until it has all. */
const stillSeconds = 120
/** The exit code of a program that found something wrong which only a person can mend. */
const somethingIsWrong = 1

/** A log without proxies between. */
const openLog = (broker: string, scope: Scope.Scope): Promise<EventLogService> =>
  Effect.runPromise(
    makeKafkaEventLog(
      kafkaTestSettings([broker], { topicPrefix, partitions, timeout: Duration.seconds(60) })
    ).pipe(Scope.extend(scope))
  )

const nameOf = (topic: string, partition: number) => `${topic}/${partition}`

/** A partition whose records are not all in the lake. */
interface Missing {
  readonly name: string
  readonly missing: number
  readonly of: number
}

const missing = async (
  log: EventLogService,
  seen: ReadonlyArray<SeenPartition>
): Promise<ReadonlyArray<Missing>> => {
  const counts = new Map(seen.map(({ offsets, partition, topic }) => [nameOf(topic, partition), offsets]))
  const ranges = await Promise.all(
    topics.flatMap((topic) =>
      Array.from({ length: partitions }, async (_, partition) => {
        const { end, start } = await Effect.runPromise(log.range(topic, partition))
        return { name: nameOf(topic, partition), count: end - start }
      })
    )
  )
  return ranges
    .map(({ count, name }) => ({ name, missing: count - (counts.get(name) ?? 0), of: count }))
    .filter((one) => one.missing > 0)
}

const seconds = (since: number) => (performance.now() - since) / 1000

/** Looks at the lake every few seconds; stopped, it looks a last time and answers how many records are there. */
const keepLooking = (watch: LakeWatch, say: (line: string) => void): (() => Promise<number>) => {
  const over = new AbortController()
  const looking = (async () => {
    while (true) {
      await wait(lookMs, undefined, { signal: over.signal }).catch(() => undefined)
      const isLast = over.signal.aborted
      const records = (await watch.look()).reduce((sum, { offsets }) => sum + offsets, 0)
      say(`${records} records in ${watch.files} files`)
      if (isLast) return records
    }
  })()
  return () => {
    over.abort()
    return looking
  }
}

/** Waits until the lake has every record of the log; says what is missing when it gets no more of it. */
const drain = async (log: EventLogService, watch: LakeWatch, findings: Findings): Promise<number> => {
  const began = performance.now()
  let fewest = Number.POSITIVE_INFINITY
  let gotMore = began
  while (true) {
    const left = await missing(log, await watch.look())
    if (left.length === 0) return seconds(began)
    const count = left.reduce((sum, one) => sum + one.missing, 0)
    if (count < fewest) {
      fewest = count
      gotMore = performance.now()
    } else if (seconds(gotMore) > stillSeconds) {
      for (const one of left)
        findings.add(
          `no more in the lake for ${stillSeconds} s after the last fault`,
          `${one.name}: ${one.missing} of ${one.of} are missing`
        )
      return seconds(began)
    }
    await wait(1000)
  }
}

const run = async (
  world: World,
  log: EventLogService,
  watch: LakeWatch,
  findings: Findings,
  options: ChaosOptions,
  say: (line: string) => void
): Promise<Omit<ChaosReport, "ok" | "findings" | "folder" | "files">> => {
  for (const name of steadyPrograms) world.programs[name].start()
  const disturber = new Disturber(world, options.seed, say)
  const stopLooking = keepLooking(watch, say)
  await wait(options.seconds * 1000)
  const underFaults = await stopLooking()
  say("no more faults; what is on its way is being brought in")
  await disturber.end()
  for (const name of ["producer", "simulator"] as const)
    if (!(await world.programs[name].stop()))
      findings.add("a program did not stop when it was asked to", name)
  const drain_s = await drain(log, watch, findings)
  for (const name of ["ingestor-1", "ingestor-2"] as const)
    if (!(await world.programs[name].stop()))
      findings.add("a program did not stop when it was asked to", name)
  await watch.look()
  say("comparing the journal, the log and the lake, record by record")
  const verdict = await judge({ log, bucket: world.bucket, journals: readJournals(world.journal), findings })
  const ownExits = Object.values(world.programs).flatMap(({ exits }) => exits)
  for (const { code, name, signal } of ownExits)
    if (code === somethingIsWrong || signal !== null)
      findings.add("a program ended by itself, and not for want of a server", `${name}: ${signal ?? code}`)
  return {
    ...verdict,
    plans: countPlans(world.bucket),
    takeOvers: countTakeOvers(world.bucket),
    seed: options.seed,
    seconds: options.seconds,
    drain_s: Number(drain_s.toFixed(1)),
    underFaults,
    acts: Object.fromEntries([...disturber.counts].sort(([a], [b]) => a.localeCompare(b))),
    answersDropped: Object.values(world.links)
      .flatMap(({ kafka, storage }) => [kafka, storage])
      .reduce((sum, { counts }) => sum + counts.dropped, 0),
    refusedPuts: world.refusedPuts(),
    ownExits
  }
}

/** One run: starts everything in `folder`, disturbs it, lets it finish, and compares. */
export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const { folder } = options
  mkdirSync(folder, { recursive: true })
  const scope = await Effect.runPromise(Scope.make())
  const findings = new Findings()
  const world = await makeWorld({ folder, seed: options.seed, rate })
  const began = performance.now()
  const say = (line: string) => {
    const timed = `${seconds(began).toFixed(1).padStart(6)} s  ${line}`
    appendFileSync(join(folder, "logs/chaos.log"), `${timed}\n`)
    options.say(timed)
  }
  const watch = await LakeWatch.open(world.bucket, findings)
  let ok = false
  try {
    const log = await openLog(world.broker.address, scope)
    const found = await run(world, log, watch, findings, options, say)
    ok = findings.isEmpty
    return {
      ok,
      ...found,
      files: watch.files,
      findings: findings.lines,
      folder: ok && options.keep !== true ? undefined : folder
    }
  } finally {
    watch.close()
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await world.close()
    if (ok && options.keep !== true) rmSync(folder, { recursive: true, force: true })
  }
}
