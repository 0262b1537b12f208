/** What is wrong, and where. Offsets: [from, to). `hour`: `2026-11-23T16` or null. */
export type Difference =
  | {
      readonly topic: string
      readonly partition: number
      readonly from: number
      readonly to: number
      readonly problem: string
    }
  | {
      readonly table: string
      readonly hour: string | null
      /** What differs: a column, a sum, or the key of a row. */
      readonly what: string
      readonly expected: string
      readonly found: string
    }
  | { readonly file: string; readonly problem: string }

/** One check. `checked` counts what it looked at, in `unit`. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly checked: number
  readonly unit: string
  /** At most `maxDifferences`. */
  readonly differences: ReadonlyArray<Difference>
  /** Differences that were found but are not listed. */
  readonly more: number
  /** What was left out and why: the tail that is not ingested or built yet. */
  readonly notes: ReadonlyArray<string>
}

/** What an audit found. */
export interface AuditReport {
  readonly ok: boolean
  /** Seed of the ranges and states that were tried; give it again (`--seed`) to try the same. */
  readonly seed: number
  readonly checks: ReadonlyArray<Check>
  readonly seconds: number
}

/** Longest list of differences of a check. */
export const maxDifferences = 100

/** A check from what it found. */
export const makeCheck = (
  name: string,
  checked: number,
  unit: string,
  differences: ReadonlyArray<Difference>,
  notes: ReadonlyArray<string> = []
): Check => ({
  name,
  ok: differences.length === 0,
  checked,
  unit,
  differences: differences.slice(0, maxDifferences),
  more: Math.max(0, differences.length - maxDifferences),
  notes
})

const differenceText = (difference: Difference): string => {
  if ("file" in difference) return `${difference.file}: ${difference.problem}`
  if ("topic" in difference) {
    const { from, partition, problem, to, topic } = difference
    const range = to - from === 1 ? `offset ${from}` : `offsets ${from} to ${to - 1}`
    return `${topic}/${partition} ${range}: ${problem}`
  }
  const { expected, found, hour, table, what } = difference
  return `${table}${hour === null ? "" : ` ${hour}`} ${what}: expected ${expected}, found ${found}`
}

const thousands = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",")

/** The report for people: one line per check, differences and notes below. */
export const reportText = (report: AuditReport): string => {
  const lines: Array<string> = []
  for (const check of report.checks) {
    const wrong = check.differences.length + check.more
    const result = check.ok ? "ok   " : "WRONG"
    const found = check.ok ? "" : `, ${thousands(wrong)} ${wrong === 1 ? "difference" : "differences"}`
    lines.push(`${result}  ${check.name}: ${thousands(check.checked)} ${check.unit}${found}`)
    for (const difference of check.differences) lines.push(`         ${differenceText(difference)}`)
    if (check.more > 0) lines.push(`         … and ${thousands(check.more)} more`)
    for (const note of check.notes) lines.push(`       · ${note}`)
  }
  const verdict = report.ok ? "The audit is clean" : "The audit found differences"
  lines.push(`${verdict} (${report.seconds} s, seed ${report.seed}).`)
  return lines.join("\n")
}
