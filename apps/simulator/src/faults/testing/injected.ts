import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Schema } from "effect"
import { Buffer } from "node:buffer"
import type { Positions, WrittenBatch } from "../../EventWriter.ts"
import { monday, smallSimulation } from "../../testing/collect.ts"
import type { Fault } from "../Fault.ts"
import { FaultInjector } from "../FaultInjector.ts"
import { FaultsConfig } from "../FaultsConfig.ts"

/** Much of everything. */
export const manyFaults = (changes: Partial<typeof FaultsConfig.Encoded> = {}): FaultsConfig =>
  Schema.decodeSync(FaultsConfig)({
    duplicates: { share: 0.08, "at-most": "5m" },
    late: { share: 0.08, delay: { mean: "2h", "at-most": "12h" } },
    "out-of-order": { share: 0.08, "at-most": "2m" },
    malformed: { share: 0.08 },
    "missing-fields": { share: 0.08 },
    "clock-skew": { share: 0.2, "at-most": "1h" },
    ...changes
  })

/** A record as the tests look at it: its value as one character per byte, or null. */
export interface Line {
  readonly key: string
  readonly value: string | null
}

export type Lines = ReadonlyMap<string, ReadonlyArray<Line>>

const linesOf = (batches: ReadonlyArray<WrittenBatch>, into: Map<string, Array<Line>>): void => {
  for (const { partition, records, topic } of batches) {
    const name = `${topic}/${partition}`
    const list = into.get(name) ?? []
    into.set(name, list)
    for (let n = 0; n < records.count; n++) {
      const value = bytesAt(records.values, n)
      list.push({
        key: Buffer.from(bytesAt(records.keys, n)!).toString("latin1"),
        value: value === null ? null : Buffer.from(value).toString("latin1")
      })
    }
  }
}

export interface Faulty {
  readonly clean: Lines
  readonly lines: Lines
  readonly faults: ReadonlyArray<Fault>
  readonly heldBack: ReadonlyArray<Fault>
}

/** A small simulation through a `FaultInjector`, in steps of `budget` events. */
export const injected = (
  config: FaultsConfig,
  options: {
    readonly budget?: number
    readonly partitions?: number
    readonly positions?: Positions
    readonly newline?: boolean
    readonly users?: number
    readonly seed?: number
  } = {}
): Faulty => {
  const partitions = topics.map(() => options.partitions ?? 2)
  const simulation = smallSimulation({
    users: options.users ?? 300,
    seed: 3,
    partitions,
    newline: options.newline
  })
  const injector = new FaultInjector({
    config,
    seed: options.seed ?? 3,
    partitions,
    positions: options.positions ?? [],
    newline: options.newline ?? false
  })
  const clean = new Map<string, Array<Line>>()
  const lines = new Map<string, Array<Line>>()
  const faults: Array<Fault> = []
  for (let done = false; !done;) {
    done = simulation.advance(monday + 2 * 86_400_000, options.budget ?? 5000)
    const batches = simulation.take()
    linesOf(batches, clean)
    const out = injector.apply(batches, simulation.time)
    linesOf(out.batches, lines)
    faults.push(...out.faults)
  }
  return { clean, lines, faults, heldBack: injector.heldBack }
}

/** Faults in an order that does not depend on how they came. */
export const sorted = (faults: ReadonlyArray<Fault>): ReadonlyArray<string> =>
  faults.map((fault) => JSON.stringify(fault)).sort()
