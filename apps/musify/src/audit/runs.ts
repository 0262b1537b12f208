/** A span [from, to) of offsets. */
export type Run = readonly [from: number, to: number]

/** Rising, separate, not empty spans: a set of offsets in little memory. */
export type Runs = ReadonlyArray<Run>

/** Collects rising offsets into runs. */
export class RunCollector {
  readonly runs: Array<[from: number, to: number]> = []

  add(offset: number): void {
    const last = this.runs[this.runs.length - 1]
    if (last !== undefined && last[1] === offset) last[1] = offset + 1
    else this.runs.push([offset, offset + 1])
  }
}

/** The offsets of `a` that are not in `b`. */
export const subtract = (a: Runs, b: Runs): Runs => {
  const rest: Array<Run> = []
  let at = 0
  for (const [start, to] of a) {
    let from = start
    while (at < b.length && b[at][1] <= from) at++
    for (let i = at; i < b.length && b[i][0] < to; i++) {
      if (b[i][0] > from) rest.push([from, b[i][0]])
      from = Math.max(from, b[i][1])
    }
    if (from < to) rest.push([from, to])
  }
  return rest
}

/** The offsets of `runs` in [from, to). */
export const within = (runs: Runs, from: number, to: number): Runs =>
  runs.map(([a, b]): Run => [Math.max(a, from), Math.min(b, to)]).filter(([a, b]) => a < b)

/** Sorted runs of one set that may touch each other, joined. */
export const joined = (runs: Runs): Runs => {
  const all: Array<[number, number]> = []
  for (const [from, to] of [...runs].sort((a, b) => a[0] - b[0])) {
    const last = all[all.length - 1]
    if (last !== undefined && last[1] >= from) last[1] = Math.max(last[1], to)
    else all.push([from, to])
  }
  return all
}

/** Number of offsets. */
export const size = (runs: Runs): number => runs.reduce((sum, [from, to]) => sum + to - from, 0)
