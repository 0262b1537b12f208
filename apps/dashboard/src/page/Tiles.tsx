import type { Answer, SummaryRow, Totals, TrendRow } from "../api/answers.ts"
import { change, compact, dayText, exact, timeOf, timeText } from "./format.ts"
import type { Loaded } from "./useAnswer.ts"

interface Measure {
  readonly key: keyof Totals
  readonly title: string
  /** What one counted thing is called in the tooltip. */
  readonly unit: string
  readonly scale: number
}

const measures: ReadonlyArray<Measure> = [
  { key: "listeners", title: "Listeners", unit: "listeners", scale: 1 },
  { key: "plays", title: "Plays", unit: "plays", scale: 1 },
  { key: "seconds", title: "Hours listened", unit: "hours", scale: 3600 },
  { key: "paidListeners", title: "Paid listeners", unit: "paid listeners", scale: 1 },
  { key: "newListeners", title: "New listeners", unit: "new listeners", scale: 1 }
]

const width = 160
const height = 32

/** A line over the period; the last, still open step is dotted. */
const Sparkline = ({
  rows,
  measure
}: {
  readonly rows: ReadonlyArray<TrendRow>
  readonly measure: Measure
}) => {
  if (rows.length < 2) return <svg class="spark" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" />
  const top = Math.max(1, ...rows.map((row) => row[measure.key]))
  const points = rows.map((row, index) => [
    (index / (rows.length - 1)) * width,
    height - 2 - (row[measure.key] / top) * (height - 5)
  ])
  const path = (from: number, to: number) =>
    points
      .slice(from, to)
      .map(([x, y], index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)},${y.toFixed(1)}`)
      .join("")
  const open = rows[rows.length - 1].open
  const solid = open ? rows.length - 1 : rows.length
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="spark-area" d={`${path(0, rows.length)}L${width},${height}L0,${height}Z`} />
      <path class="spark-line" d={path(0, solid)} />
      {open && <path class="spark-line open" d={path(rows.length - 2, rows.length)} />}
    </svg>
  )
}

const Change = ({
  measure,
  rows
}: {
  readonly measure: Measure
  readonly rows: ReadonlyArray<SummaryRow>
}) => {
  const compared = rows.find((row) => row.span === "compared")
  const previous = rows.find((row) => row.span === "previous")
  const nothing = (why: string) => (
    <span class="change none" data-tip={why}>
      <span aria-hidden="true">–</span>
      <span class="hidden">{why}</span>
    </span>
  )
  if (compared === undefined || previous === undefined) {
    return nothing("No change: there are no data\nfor all of the previous period")
  }
  const now = compared[measure.key] / measure.scale
  const before = previous[measure.key] / measure.scale
  const text = change(now, before)
  if (text === undefined) return nothing(`No change: there were no ${measure.unit} in the previous period`)
  const direction = text.startsWith("+") ? "up" : text.startsWith("−") ? "down" : "same"
  const until = timeOf(compared.to)
  const tip = [
    `${text} against the previous period`,
    `${exact(now)} until ${timeText(until, until)} UTC on ${dayText(until - 1)}`,
    `${exact(before)} from ${dayText(timeOf(previous.from))} to ${dayText(timeOf(previous.to) - 1)}, same hours`
  ].join("\n")
  return (
    <span class={`change ${direction}`} data-tip={tip}>
      {text} <span class="was">was {compact(before)}</span>
    </span>
  )
}

export interface TilesProps {
  readonly summary: Loaded<Answer<SummaryRow>>
  readonly trend: Loaded<Answer<TrendRow>>
}

/** The five totals with their change and course. */
export const Tiles = ({ summary, trend }: TilesProps) => {
  const total = summary.data?.rows.find((row) => row.span === "period")
  return (
    <section
      class={`tiles ${summary.stale && total !== undefined ? "fading" : ""}`}
      aria-label="Totals"
      data-chart="summary"
    >
      {measures.map((measure) => (
        <div class="panel tile" key={measure.key} data-measure={measure.key}>
          <h2>{measure.title}</h2>
          {total === undefined ? (
            summary.error === undefined ? (
              <div class="skeleton tile-skeleton" />
            ) : (
              <p class="message small">not available</p>
            )
          ) : (
            <>
              <p class="figure" title={exact(total[measure.key] / measure.scale)}>
                {compact(
                  measure.scale === 1 ? total[measure.key] : Math.round(total[measure.key] / measure.scale)
                )}
              </p>
              <Change measure={measure} rows={summary.data?.rows ?? []} />
            </>
          )}
          <Sparkline rows={trend.data?.rows ?? []} measure={measure} />
        </div>
      ))}
    </section>
  )
}
