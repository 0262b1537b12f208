/*
 * npm run simulation -- [--seeds N] [--from S] [--sweep K] [--workers W] [--json] [--mutants]: runs the ingest path under N
 * seeds from S on, then K scenarios with each fault at each call of a writer. --mutants: shows for each guard of the
 * protocol that the simulation notices when it is gone. --strike "CALL FAULT" replays one run of a sweep, --mutant NAME
 * runs the seeds with one guard removed.
 */
import os from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import { makeBundles } from "./bundles.ts"
import { Coverage } from "./Coverage.ts"
import { strikes } from "./faults.ts"
import { mutants } from "./mutants.ts"
import { proveMutants } from "./proveMutants.ts"
import type { SweptStrike } from "./Run.ts"
import { fewestBatches, strikePairs } from "./Scenario.ts"
import { sweepOf } from "./sweep.ts"
import type { Finished, Task } from "./WorkerPool.ts"
import { WorkerPool } from "./WorkerPool.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "0" },
    sweep: { type: "string", default: "0" },
    workers: { type: "string", default: String(Math.min(os.availableParallelism(), 8)) },
    strike: { type: "string" },
    mutant: { type: "string" },
    json: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false }
  }
})

const refuse = (message: string): never => {
  console.error(message)
  process.exit(2)
}
const whole = (name: "seeds" | "from" | "sweep" | "workers", least: number): number => {
  const value = Number(values[name])
  return Number.isSafeInteger(value) && value >= least
    ? value
    : refuse(`--${name} is ${values[name]}: a whole number from ${least} on was expected.`)
}
const seeds = whole("seeds", 0)
const from = whole("from", 0)
const sweeps = whole("sweep", 0)
const workers = whole("workers", 1)

const strikeOf = (text: string): SweptStrike => {
  const [, call, name] = /^(\d+) (.+)$/.exec(text) ?? []
  const fault = strikes.find((strike) => strike === name)
  return fault === undefined
    ? refuse(`--strike is ${text}: the number of a call and one of ${strikes.join(", ")} were expected.`)
    : { call: Number(call), fault }
}
const strike = values.strike === undefined ? undefined : strikeOf(values.strike)

const mutant = mutants.find(({ name }) => name === values.mutant)
if (values.mutant !== undefined && mutant === undefined)
  refuse(`--mutant is ${values.mutant}: one of ${mutants.map(({ name }) => name).join("; ")} was expected.`)

/** From so many seeds on each (step, fault) pair is aimed at sixteen times, and one that was never met is an error. */
const seedsThatMeetAll = strikePairs.length * 16

const say = (text: string): void => {
  if (!values.json) console.log(text)
}

const replayOf = ({ seed, swept }: Task): string =>
  `npm run simulation -- --seeds 1 --from ${seed}` +
  (swept === undefined ? "" : swept === "calm" ? " --sweep 1" : ` --strike "${swept.call} ${swept.fault}"`) +
  (mutant === undefined ? "" : ` --mutant "${mutant.name}"`)

const coverage = new Coverage()
let runs = 0
let steps = 0
let batches = 0
let virtualMs = 0
const failures: Array<Finished> = []
const begin = process.hrtime.bigint()
const seconds = () => Number(process.hrtime.bigint() - begin) / 1e9

const note = (finished: Finished): void => {
  const { outcome } = finished
  runs++
  steps += outcome.steps
  batches += outcome.batches
  virtualMs += outcome.virtualMs
  coverage.add(outcome.coverage)
  if (outcome.violation !== undefined) failures.push(finished)
  else if (outcome.batches < fewestBatches || outcome.writers < 2)
    failures.push({
      ...finished,
      outcome: {
        ...outcome,
        violation: {
          invariant: "aRunIsWorthIt",
          text: `${outcome.writers} writers and ${outcome.batches} batches, at least 2 and ${fewestBatches} wanted`
        }
      }
    })
  if (process.stderr.isTTY && !values.json && runs % 20 === 0)
    process.stderr.write(`\r${runs} runs, ${(runs / seconds()).toFixed(0)} a second `)
}

const seedsFrom = function* (): Iterable<Task> {
  for (let seed = from; seed < from + seeds; seed++)
    yield strike === undefined ? { seed } : { seed, swept: strike }
}

const bundles = await makeBundles("whole", mutant?.edits ?? [])
const pool = new WorkerPool(workers, bundles.worker, bundles)
try {
  await pool.run(seedsFrom(), note)
  for (let seed = from; seed < from + sweeps && failures.length === 0; seed++)
    await pool.run(await sweepOf(seed, pool, note), note)
} finally {
  await pool.close()
  bundles.remove()
}
if (process.stderr.isTTY && !values.json) process.stderr.write("\r")

const cpu = process.cpuUsage()
const cpuSeconds = (cpu.user + cpu.system) / 1e6
const missed = seeds >= seedsThatMeetAll && failures.length === 0 ? coverage.missed : []
failures.sort((a, b) => a.task.seed - b.task.seed)
const [failure] = failures
if (failure !== undefined) {
  const { invariant, text } = failure.outcome.violation!
  say(failure.outcome.tail.join("\n"))
  say(`\nSeed ${failure.task.seed} violates ${invariant}: ${text}`)
  say(`Replay: ${replayOf(failure.task)}`)
} else if (runs > 0) {
  say(coverage.table)
  for (const pair of missed) say(`Never met: ${pair}`)
}
if (runs > 0)
  say(
    `${runs} runs, ${failures.length} violations; ${batches} micro-batches, ${steps} steps, ${(virtualMs / 3_600_000).toFixed(0)} hours of virtual time in ${seconds().toFixed(1)} s; ${((cpuSeconds / Math.max(1, runs)) * 1000).toFixed(1)} ms of CPU a run`
  )

const proofs = values.mutants && failure === undefined ? await proveMutants(mutants, workers, say) : []
const survivors = proofs.filter(({ caughtBy }) => caughtBy === undefined)
for (const { name } of survivors) say(`Not noticed: ${name}`)

if (values.json)
  console.log(
    JSON.stringify({
      runs,
      violations: failures.map(({ outcome, task }) => ({
        ...task,
        ...outcome.violation,
        replay: replayOf(task),
        tail: outcome.tail
      })),
      batches,
      steps,
      virtual_s: virtualMs / 1000,
      wall_s: seconds(),
      cpu_ms_per_run: (cpuSeconds / Math.max(1, runs)) * 1000,
      coverage: coverage.byPair,
      missed,
      mutants: proofs
    })
  )
process.exitCode = failures.length + missed.length + survivors.length > 0 ? 1 : 0
