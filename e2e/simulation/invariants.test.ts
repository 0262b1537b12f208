import { planName } from "@musify/lake/objectNames.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { witnessOf } from "@musify/lake/rowHash.ts"
import { hourPath } from "@musify/domain/Hour.ts"
import { beforeEach, describe, expect, it } from "vitest"
import { Dice } from "./Dice.ts"
import type { End } from "./invariants.ts"
import { atEachChange, atEachHalt, atEachRead, atTheEnd } from "./invariants.ts"
import type { LakeChange } from "@musify/lake/testing/Lake.ts"
import { Lake } from "@musify/lake/testing/Lake.ts"
import { SimulatedLog, topic } from "./SimulatedLog.ts"
import { Timeline } from "./Timeline.ts"

/* Each invariant fails for what it forbids, and for nothing in a run where all is well. */

let log: SimulatedLog
let lake: Lake
beforeEach(() => {
  log = new SimulatedLog(1, 7, new Timeline(), new Dice(7))
  lake = new Lake(1)
  log.append(log.partitions[0], 20, 0)
})

const chain = () => lake.chains[0]
const records = (from: number, to: number) => log.partitions[0].between(from, to, 0)

/** A plan of [start, end) with one file of all its rows. */
const planOf = (seq: number, start: number, end: number): Plan => {
  const rows = records(start, end)
  const path = `dead-letters/${topic}/${hourPath(0)}/0-${seq}-${start}.parquet`
  return {
    version: 1,
    decoder: 1,
    topic,
    partition: 0,
    seq,
    start,
    end,
    files: [],
    deadLetters: [{ path, rows: rows.length, hash: "" }],
    unknownFields: 0,
    witness: witnessOf(log.partitions[0].read(end - 1, 1), 0),
    maxTs: null,
    writer: "test"
  }
}
const plan = (seq: number, start: number, end: number, change: Partial<Plan> = {}): LakeChange => ({
  kind: "plan",
  name: planName(topic, 0, seq),
  chain: chain(),
  plan: { ...planOf(seq, start, end), ...change }
})
const file = (seq: number, start: number, end: number, change: object = {}): LakeChange => ({
  kind: "file",
  name: planOf(seq, start, end).deadLetters[0].path,
  chain: chain(),
  rows: records(start, end).map(({ id, offset }) => ({ id, offset })),
  decoder: 1,
  ...change
})
const seal = (seq: number): LakeChange => ({ kind: "seal", name: `seal ${seq}`, chain: chain(), seq })

/** Names of the invariants that a change contradicts. */
const contradicted = (change: LakeChange): ReadonlyArray<string> =>
  Object.entries(atEachChange).flatMap(([name, holds]) =>
    holds(change, { log, lake }) === undefined ? [] : [name]
  )
const apply = (...changes: ReadonlyArray<LakeChange>): void => {
  for (const change of changes) {
    expect(contradicted(change)).toEqual([])
    lake.apply(change)
  }
}

describe("at each change", () => {
  it("a chain as it should be contradicts none", () => {
    apply(plan(0, 0, 8), file(0, 0, 8), plan(1, 8, 20), file(1, 8, 20), seal(1))
  })
  it("overwriting, removing, and what cannot be read", () => {
    expect(contradicted({ kind: "overwritten", name: "x" })).toEqual(["nothingIsOverwrittenOrRemoved"])
    expect(contradicted({ kind: "removed", name: "x" })).toEqual(["nothingIsOverwrittenOrRemoved"])
    expect(contradicted({ kind: "broken", name: "x", why: "cut off" })).toEqual(["everyObjectIsWhole"])
  })
  it("a gap, an overlap, a seq left out, an empty plan", () => {
    apply(plan(0, 0, 8), file(0, 0, 8))
    expect(contradicted(plan(1, 9, 20))).toEqual(["plansHaveNoGap"])
    expect(contradicted(plan(1, 7, 20))).toEqual(["plansHaveNoGap"])
    expect(contradicted(plan(2, 8, 20))).toEqual(["plansHaveNoGap"])
    expect(contradicted(plan(1, 8, 8))).toContain("plansHaveNoGap")
  })
  it("records of no log, or of a log made anew", () => {
    apply(plan(0, 0, 8), file(0, 0, 8))
    expect(contradicted(plan(1, 8, 20, { witness: "0" }))).toEqual(["plansAreOfOneLog"])
    log.recreate(log.partitions[0])
    log.append(log.partitions[0], 30, 0)
    const { witness } = planOf(1, 8, 20)
    expect(contradicted(plan(1, 8, 20, { witness }))).toEqual(["plansAreOfOneLog"])
  })
  it("a record that is skipped", () => {
    const { deadLetters } = planOf(0, 0, 8)
    const fewer = [{ ...deadLetters[0], rows: 7 }]
    expect(contradicted(plan(0, 0, 8, { deadLetters: fewer }))).toEqual(["plansAreComplete"])
  })
  it("an offset twice, within a file and in two", () => {
    apply(plan(0, 0, 8))
    const rows = records(0, 8).map(({ id, offset }) => ({ id, offset }))
    expect(contradicted(file(0, 0, 8, { rows: [...rows.slice(1), rows[3]] }))).toEqual(["noOffsetTwice"])
    apply(file(0, 0, 8), plan(1, 8, 20))
    expect(contradicted(file(1, 8, 20, { rows: [...records(7, 19)] }))).toContain("noOffsetTwice")
  })
  it("a file without a plan, of other rows, records, or decoder", () => {
    expect(contradicted(file(0, 0, 8))).toEqual(["noFileOutsideOfAPlan"])
    apply(plan(0, 0, 8))
    expect(contradicted(file(0, 0, 8, { rows: records(0, 7) }))).toEqual(["filesHoldThePlannedRows"])
    expect(contradicted(file(0, 0, 8, { rows: records(1, 9) }))).toEqual(["filesHoldThePlannedRows"])
    const swapped = records(0, 8).map(({ id, offset }) => ({ id: 7 - id, offset }))
    expect(contradicted(file(0, 0, 8, { rows: swapped }))).toEqual(["filesHoldTheirRecords"])
    expect(contradicted(file(0, 0, 8, { decoder: 2 }))).toEqual(["filesAreOfThePlansDecoder"])
  })
  it("a row in another hour's folder", () => {
    const good = records(0, 20).find(({ hour }) => hour !== undefined)!
    const path = `lake/${topic}/${hourPath(good.hour! + 1)}/0-0-0.parquet`
    const files = [{ path, hour: good.hour! + 1, rows: 1, hash: "" }]
    apply(plan(0, good.offset, good.offset + 1, { files, deadLetters: [] }))
    expect(contradicted(file(0, 0, 1, { name: path, rows: [good] }))).toEqual(["filesHoldTheirRecords"])
  })
  it("closing what is not complete, and adding to what is closed", () => {
    apply(plan(0, 0, 8))
    expect(contradicted(seal(0))).toEqual(["whatIsClosedIsComplete"])
    expect(contradicted(plan(1, 8, 20))).toEqual(["whatIsClosedIsComplete"])
    expect(contradicted(seal(1))).toEqual(["whatIsClosedIsComplete"])
    lake.apply(seal(0))
    expect(contradicted(file(0, 0, 8))).toEqual(["whatIsClosedStaysAsItIs"])
  })
})

describe("at each halt", () => {
  const halt = { partition: 0, message: "gone", decoder: 1, wasDoubtful: false }
  const isFalse = (change: object = {}) =>
    atEachHalt.noFalseAlarm({ ...halt, ...change }, { log, lake }) !== undefined

  it("is false when nothing is lost, and right when it is, was, or another decoder's plan is there", () => {
    apply(plan(0, 0, 8), file(0, 0, 8))
    expect(isFalse()).toBe(true)
    expect(isFalse({ wasDoubtful: true })).toBe(false)
    expect(isFalse({ message: "decoder version 1", decoder: 2 })).toBe(false)
    expect(isFalse({ message: "decoder version 1" })).toBe(true)
    log.partitions[0].start = 8
    expect(isFalse()).toBe(true)
    log.partitions[0].start = 9
    expect(isFalse()).toBe(false)
  })
  it("is right when the log was made anew", () => {
    apply(plan(0, 0, 8), file(0, 0, 8))
    log.recreate(log.partitions[0])
    expect(isFalse()).toBe(false)
  })
})

it("at each read: more memory than allowed", () => {
  expect(atEachRead.memoryIsBounded({ process: "w", bytes: 10, bound: 10 })).toBe(undefined)
  expect(atEachRead.memoryIsBounded({ process: "w", bytes: 11, bound: 10 })).not.toBe(undefined)
})

describe("at the end", () => {
  const end = (change: Partial<End> = {}): ReadonlyArray<string> => {
    const given: End = {
      log,
      lake,
      cameToRest: true,
      halted: new Map(),
      told: new Set([0]),
      defects: [],
      ...change
    }
    return Object.entries(atTheEnd).flatMap(([name, holds]) => (holds(given) === undefined ? [] : [name]))
  }
  const whole = () => apply(plan(0, 0, 8), file(0, 0, 8), plan(1, 8, 20), file(1, 8, 20))

  it("all is there and closed", () => {
    whole()
    apply(seal(1))
    expect(end()).toEqual([])
  })
  it("no rest, a record missing, an open tail, a defect", () => {
    whole()
    expect(end()).toEqual(["tailsAreClosed"])
    apply(seal(1))
    expect(end({ cameToRest: false })).toEqual(["progressOnceFaultsEnd"])
    expect(end({ defects: ["boom"] })).toEqual(["noWriterDiesOfADefect"])
    log.append(log.partitions[0], 1, 0)
    expect(end()).toEqual(["everyRecordOnce"])
  })
  it("a loss that a writer does not tell", () => {
    apply(plan(0, 0, 8), file(0, 0, 8), seal(0))
    log.partitions[0].start = 10
    expect(end({ halted: new Map([["w", new Set([0])]]) })).toEqual([])
    expect(end({ halted: new Map([["w", new Set<number>()]]) })).toEqual(["everyLossIsTold"])
    expect(end({ told: new Set() })).toEqual(["everyLossIsTold"])
  })
})
