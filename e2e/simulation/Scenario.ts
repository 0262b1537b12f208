import { Dice } from "./Dice.ts"
import type { Strike } from "./faults.ts"
import { applies, strikes } from "./faults.ts"
import type { Step } from "./steps.ts"
import { steps } from "./steps.ts"

/** A fault that waits for its call: the `nth` one of this step from now on (1 = the next) by writer `slot`, or by any. */
export interface PlannedStrike {
  readonly fault: Strike
  readonly step: Step
  readonly slot: number | undefined
  /** It waits until the lake has so many plans. */
  readonly plans: number
  nth: number
}

/** Records that the producer appends at `at` (ms after the start), after so many offsets that hold none. */
export interface Append {
  readonly at: number
  readonly partition: number
  readonly count: number
  readonly holes: number
}

export interface WriterPlan {
  readonly startsAt: number
  readonly skewMs: number
  /** When it is asked to end and started again, as in a rolling restart. */
  readonly restartsAt: number | undefined
}

/** All that a seed decides before its run begins. Times are ms after the start. */
export interface Scenario {
  readonly seed: number
  readonly partitions: number
  /** Whether the log has groups that share the partitions; without, each writer gets all of them. */
  readonly hasGroups: boolean
  /** Whether the bucket keeps metadata, as Cloud Storage does; a local folder keeps none. */
  readonly hasMetadata: boolean
  readonly rows: number
  readonly bytes: number
  readonly gatherBytes: number
  readonly maxFiles: number
  readonly readBytes: number
  readonly rollMs: number
  readonly pollMs: number
  readonly writers: ReadonlyArray<WriterPlan>
  readonly appends: ReadonlyArray<Append>
  readonly strikes: ReadonlyArray<PlannedStrike>
  /** What part of the records is malformed, percent. */
  readonly malformed: number
}

/** Fewest micro-batches of a run: the records are so many that no cut gives fewer. */
export const fewestBatches = 5

/** Least memory that the ingestor counts for a gathered record: batches of a tight run cannot have more records. */
const leastMemory = 300

/** All (step, strike) pairs: seed s is aimed at pair s modulo their number, so none is left to chance. */
export const strikePairs: ReadonlyArray<readonly [Step, Strike]> = strikes.flatMap((fault) =>
  steps.filter((step) => applies(step, fault)).map((step) => [step, fault] as const)
)

/** Strikes after which records are gone for good: one a run, else the first would hide what the others do. */
export const losing: ReadonlyArray<Strike> = ["retention", "recreated shorter", "recreated longer"]
const notLosing = strikePairs.filter((pair) => !losing.includes(pair[1]))

/** Steps of whoever opens a chain with an open tail: seldom taken unless a writer is killed for it. */
const ofTails: ReadonlyArray<Step> = ["read seal", "check file"]

/** Steps of whoever opens a chain: towards the end of a run nobody takes them, unless a writer is killed for it. */
const opening: ReadonlyArray<Step> = ["join group", "log range", "read plan", "list plans", ...ofTails]

/** Strikes that mean something only where a group shares the partitions. */
const ofGroups: ReadonlyArray<Strike> = ["rebalance storm", "two writers"]

const strikesOf = (
  seed: number,
  dice: Dice,
  writers: number,
  hasGroups: boolean
): ReadonlyArray<PlannedStrike> => {
  const aimed = (step: Step, fault: Strike): PlannedStrike => ({
    fault,
    step,
    slot: dice.chance(50) ? dice.below(writers) : undefined,
    plans: 0,
    nth: dice.between(1, step === "read log" || step === "read plan" ? 12 : 4)
  })
  const [step, fault] = strikePairs[seed % strikePairs.length]
  const planned: Array<PlannedStrike> = [{ ...aimed(step, fault), slot: undefined }]
  // Records are lost only when the run has all its batches; few calls are left then.
  const isLosing = losing.includes(fault)
  if (isLosing)
    planned[0] = { ...planned[0], plans: fewestBatches, nth: dice.between(1, step === "read log" ? 4 : 2) }
  if (isLosing ? opening.includes(step) : ofTails.includes(step) && dice.chance(70)) {
    const isOpen = dice.chance(50)
    planned.push({
      fault: "killed after",
      step: isOpen ? "put plan" : "commit offset",
      slot: undefined,
      plans: isLosing ? (isOpen ? fewestBatches - 1 : fewestBatches) : 0,
      nth: isLosing ? 1 : dice.between(1, 4)
    })
  }
  const others = hasGroups ? notLosing : notLosing.filter((pair) => !ofGroups.includes(pair[1]))
  for (let more = dice.below(4); more > 0; more--) {
    const [otherStep, otherFault] = dice.pick(others)
    planned.push(aimed(otherStep, otherFault))
  }
  return planned
}

/** The scenario of a seed; `calm`: without strikes, for sweeps that bring their own. */
export const scenarioOf = (seed: number, calm: boolean): Scenario => {
  const dice = new Dice(seed)
  const partitions = dice.chance(75) ? 1 : 2
  const [step, aimed] = strikePairs[seed % strikePairs.length]
  const hasGroups = dice.chance(70) || ofGroups.includes(aimed)
  // In some runs nothing but the memory ends a batch before its time.
  const isTight = dice.chance(8)
  const gatherBytes = isTight ? dice.between(7_000, 9_000) : 1024 * 1024
  const rows = isTight ? Math.ceil(gatherBytes / leastMemory) : dice.between(4, 8)
  const lasting = dice.between(15_000, 45_000)
  // Losses strike when there are so many batches, and then there must be something left to do.
  const batches = losing.includes(aimed) ? fewestBatches : fewestBatches - 1
  const records = rows * batches + dice.between(1, rows)
  const hasHoles = dice.chance(30)
  const appends: Array<Append> = []
  for (let left = records; left > 0;) {
    const count = Math.min(left, dice.between(rows >> 1, rows * 2 + 3))
    left -= count
    appends.push({
      at: appends.length === 0 ? 0 : dice.below(lasting),
      partition: dice.below(partitions),
      count,
      holes: hasHoles && dice.chance(40) ? dice.between(1, 3) : 0
    })
  }
  appends.sort((a, b) => a.at - b.at)
  const isSkewed = dice.chance(50)
  const count = dice.chance(85) ? 2 : 3
  const writers = Array.from({ length: count }, (_, slot): WriterPlan => ({
    startsAt: slot === 0 ? 0 : dice.below(dice.chance(50) ? 50 : 20_000),
    skewMs: isSkewed ? dice.between(-7_200_000, 7_200_000) : 0,
    restartsAt: slot > 0 && dice.chance(40) ? dice.between(5_000, lasting) : undefined
  }))
  return {
    seed,
    partitions,
    hasGroups,
    hasMetadata: dice.chance(50),
    rows: isTight ? 100_000 : rows,
    bytes: isTight ? 1024 * 1024 : dice.chance(30) ? dice.between(200, 600) : 2000,
    gatherBytes,
    maxFiles: dice.chance(15) ? 1 : dice.between(2, 5),
    readBytes: dice.chance(10) ? 1 : dice.between(100, 900),
    rollMs: dice.between(5, 20) * 1000,
    pollMs: dice.between(4, 12) * 1000,
    writers,
    appends,
    malformed: step === "put dead letters" && !calm ? 30 : 7,
    strikes: calm ? [] : strikesOf(seed, dice, count, hasGroups)
  }
}
