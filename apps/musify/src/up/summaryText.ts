import { reportText } from "../audit/AuditReport.ts"
import type { UpSummary } from "./upOnce.ts"

const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")

const block = (title: string, rows: ReadonlyArray<readonly [string, string]>): string => {
  const [names, values] = [0, 1].map((i) => Math.max(0, ...rows.map((row) => row[i].length)))
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(names)}  ${value.padStart(values)}`)].join(
    "\n"
  )
}

const counts = (record: Readonly<Record<string, number>>) =>
  Object.entries(record).map(([name, count]) => [name, thousands(count)] as const)

/** The summary of `up --once` for people. */
export const summaryText = (summary: UpSummary): string =>
  [
    block("Events on the log", counts(summary.events)),
    block("Rows in the warehouse", counts(summary.rows)),
    block(
      "Stages",
      summary.stages.map(({ cpu_s, events, peak_rss_mib, stage, wall_s }) => [
        stage,
        `${thousands(events)} events, ${wall_s.toFixed(1)} s, ${cpu_s.toFixed(1)} s CPU, ${peak_rss_mib} MiB at most`
      ])
    ),
    `${thousands(summary.files)} files written, ${thousands(summary.hours)} hours built in ${summary.data}`,
    reportText(summary.audit)
  ].join("\n\n")
