import { topics } from "@musify/domain/Topic.ts"
import type { SimulateSummary } from "./simulate.ts"

/** What a run wrote, one line per topic, for people. */
export const summaryText = (summary: SimulateSummary): string => {
  const lines = topics.map((topic) => `${topic.padEnd(22)}${String(summary.events[topic]).padStart(12)}`)
  const span =
    summary.firstTs === null || summary.lastTs === null
      ? "nothing new"
      : `${new Date(summary.firstTs).toISOString()} to ${new Date(summary.lastTs).toISOString()}`
  const faults = Object.entries(summary.faults ?? {})
  const done = faults.length === 0 ? [] : [`Faults: ${faults.map(([kind, n]) => `${n} ${kind}`).join(", ")}`]
  return [...lines, ...done, `${span}, ${summary.listeners} listeners so far`].join("\n")
}
