import type { Fault } from "./faults.ts"
import { applies, faults } from "./faults.ts"
import type { Step } from "./steps.ts"
import { steps } from "./steps.ts"

/** How often each fault was met at each step of the protocol. */
export class Coverage {
  readonly counts: Array<number>

  constructor(counts: ReadonlyArray<number> = Array.from({ length: steps.length * faults.length }, () => 0)) {
    this.counts = [...counts]
  }

  hit(step: Step, fault: Fault): void {
    this.counts[indexOf(step, fault)]++
  }

  add(other: ReadonlyArray<number>): void {
    for (let i = 0; i < other.length; i++) this.counts[i] += other[i]
  }

  /** Pairs that can be met and never were. */
  get missed(): ReadonlyArray<string> {
    return faults.flatMap((fault) =>
      steps
        .filter((step) => applies(step, fault) && this.counts[indexOf(step, fault)] === 0)
        .map((step) => `${fault} at ${step}`)
    )
  }

  /** Counts by fault and step. */
  get byPair(): Record<string, Record<string, number>> {
    return Object.fromEntries(
      faults.map((fault) => [
        fault,
        Object.fromEntries(
          steps
            .filter((step) => applies(step, fault))
            .map((step) => [step, this.counts[indexOf(step, fault)]])
        )
      ])
    )
  }

  /** One line per fault, one column per step; a dash where the fault cannot strike the step. */
  get table(): string {
    const head = ["", ...steps]
    const rows = faults.map((fault) => [
      fault,
      ...steps.map((step) => (applies(step, fault) ? String(this.counts[indexOf(step, fault)]) : "-"))
    ])
    const widths = head.map((_, c) => Math.max(...[head, ...rows].map((row) => row[c].length)))
    return [head, ...rows]
      .map((row) =>
        row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  ")
      )
      .join("\n")
  }
}

const stepIndex = new Map(steps.map((step, index) => [step, index]))
const faultIndex = new Map(faults.map((fault, index) => [fault, index]))
const indexOf = (step: Step, fault: Fault): number =>
  stepIndex.get(step)! * faults.length + faultIndex.get(fault)!
