import { areaY, axisX, axisY, cell, gridY, lineY, rectY, ruleY, text } from "@observablehq/plot"
import type { ActiveUsersRow, ActivityRow, HeatmapRow } from "../api/answers.ts"
import { compact, dayText, exact, hourText, timeText, weekdayText } from "./format.ts"
import { eachMark, PlotFigure } from "./PlotFigure.tsx"

const known = (row: ActivityRow) => row.plays !== null

/** Bars for this day, a line for the day before; the hour that is still filling is hatched. */
export const ActivityChart = ({
  rows,
  day
}: {
  readonly rows: ReadonlyArray<ActivityRow>
  readonly day: number
}) => {
  const shown = rows.filter(known)
  const before = rows.filter((row) => row.previousPlays !== null)
  const busiest = shown.reduce((a, b) => ((b.plays ?? 0) > (a.plays ?? 0) ? b : a), shown[0])
  const label = `Plays by hour on ${weekdayText(day)}; busiest ${hourText(busiest?.hour ?? 0)}:00 with ${exact(busiest?.plays ?? 0)}.`
  const tip = (row: ActivityRow) =>
    [
      `${hourText(row.hour)}:00 – ${hourText((row.hour + 1) % 24)}:00 UTC${row.open ? ", still filling" : ""}`,
      `${weekdayText(day)}: ${row.plays === null ? "not yet" : `${exact(row.plays)} plays`}`,
      `${weekdayText(day - 864e5)}: ${row.previousPlays === null ? "no data" : `${exact(row.previousPlays)} plays`}`,
      ...(row.rebuiltAt === null ? [] : [`rebuilt ${timeText(row.rebuiltAt, day)} for late events`])
    ].join("\n")
  return (
    <PlotFigure
      label={label}
      height={296}
      on={[rows, day]}
      options={() => ({
        height: 296,
        marginLeft: 44,
        marginBottom: 28,
        marginTop: 12,
        marginRight: 8,
        x: { domain: [0, 24], ticks: [0, 6, 12, 18, 24] },
        y: { nice: true },
        marks: [
          gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 4 }),
          axisY({
            ticks: 4,
            tickSize: 0,
            label: null,
            tickFormat: (value: number) => compact(value),
            fill: "var(--quiet)"
          }),
          axisX({
            ticks: [0, 3, 6, 9, 12, 15, 18, 21, 24],
            tickSize: 0,
            label: null,
            tickFormat: (hour: number) => hourText(hour),
            fill: "var(--quiet)"
          }),
          rectY(shown, {
            x1: (row: ActivityRow) => row.hour,
            x2: (row: ActivityRow) => row.hour + 1,
            y: "plays",
            inset: 1.5,
            insetBottom: 0,
            ry1: 2,
            fill: (row: ActivityRow) => (row.open ? "url(#hatch)" : "var(--accent)")
          }),
          lineY(before, {
            x: (row: ActivityRow) => row.hour + 0.5,
            y: "previousPlays",
            stroke: "var(--quiet)",
            strokeWidth: 1.5,
            curve: "monotone-x"
          }),
          text(
            rows.filter((row) => row.rebuiltAt !== null && known(row)),
            {
              x: (row: ActivityRow) => row.hour + 0.5,
              y: "plays",
              dy: -7,
              text: () => "↻",
              fill: "var(--warn)"
            }
          ),
          rectY(rows, {
            x1: (row: ActivityRow) => row.hour,
            x2: (row: ActivityRow) => row.hour + 1,
            y1: 0,
            y2: Math.max(1, ...rows.map((row) => Math.max(row.plays ?? 0, row.previousPlays ?? 0))),
            fill: "transparent",
            ariaLabel: "hours"
          }),
          ruleY([0], { stroke: "var(--line)" })
        ]
      })}
      dress={(svg) => {
        svg.insertAdjacentHTML(
          "afterbegin",
          '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/><rect class="hatch-line" width="2.5" height="6"/></pattern></defs>'
        )
        eachMark(svg, "hours", (mark, index) => mark.setAttribute("data-tip", tip(rows[index])))
      }}
    />
  )
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
const steps = 5

/** Mean plays per hour by weekday and hour, in five equal steps of colour. */
export const Heatmap = ({ rows }: { readonly rows: ReadonlyArray<HeatmapRow> }) => {
  const mean = (row: HeatmapRow) => row.plays / row.hours
  const top = Math.max(...rows.map(mean))
  const busiest = rows.reduce((a, b) => (mean(b) > mean(a) ? b : a), rows[0])
  const place = (row: HeatmapRow) => `${weekdays[row.weekday - 1]} ${hourText(row.hour)}:00`
  return (
    <>
      <PlotFigure
        label={`Plays per hour by weekday and hour; busiest ${place(busiest)} with ${exact(mean(busiest))}.`}
        height={204}
        on={[rows]}
        options={(width) => ({
          height: 204,
          marginLeft: 36,
          marginBottom: 24,
          marginTop: 4,
          marginRight: 4,
          x: { domain: Array.from({ length: 24 }, (_, hour) => hour), padding: 0 },
          y: { domain: weekdays, padding: 0 },
          marks: [
            axisX({
              tickSize: 0,
              label: null,
              tickFormat: (hour: number) => (width > 520 || hour % 6 === 0 ? hourText(hour) : ""),
              fill: "var(--quiet)"
            }),
            axisY({ tickSize: 0, label: null, fill: "var(--quiet)" }),
            cell(rows, {
              x: "hour",
              y: (row: HeatmapRow) => weekdays[row.weekday - 1],
              inset: 1,
              rx: 2,
              fill: (row: HeatmapRow) =>
                row.plays === 0
                  ? "var(--track)"
                  : `var(--q${Math.min(steps - 1, Math.floor((mean(row) / top) * steps))})`
            })
          ]
        })}
        dress={(svg) =>
          eachMark(svg, "cell", (mark, index) => {
            const row = rows[index]
            mark.setAttribute(
              "data-tip",
              `${place(row)} UTC\n${exact(mean(row))} plays per hour\n${exact(row.plays)} plays in ${row.hours} ${row.hours === 1 ? "hour" : "hours"}`
            )
          })
        }
      />
      <p class="ramp quiet">
        0{" "}
        <span class="ramp-steps" aria-hidden="true">
          {Array.from({ length: steps }, (_, k) => (
            <span key={k} style={{ background: `var(--q${k})` }} />
          ))}
        </span>{" "}
        {compact(Math.round(top))} plays per hour
      </p>
    </>
  )
}

const lines = [
  { key: "mau", name: "28 days", color: "var(--c3)" },
  { key: "wau", name: "7 days", color: "var(--c2)" },
  { key: "dau", name: "day", color: "var(--c1)" }
] as const

/** Daily, weekly and monthly active listeners, each line labelled at its end. */
export const ActiveUsersChart = ({ rows }: { readonly rows: ReadonlyArray<ActiveUsersRow> }) => {
  const days = rows.map((row) => ({ ...row, at: new Date(`${row.date}T12:00Z`) }))
  const last = days[days.length - 1]
  // Labels of lines that end close together are moved apart, 13 px each.
  const top = Math.max(1, ...days.map((row) => row.mau))
  const wanted = lines.map(({ key }) => 12 + (1 - last[key] / top) * 176)
  const placed = wanted.reduce<Array<number>>(
    (done, y, index) => [...done, index === 0 ? y : Math.max(y, done[index - 1] + 13)],
    []
  )
  const tip = (row: ActiveUsersRow) =>
    `${weekdayText(Date.parse(row.date))}\n${exact(row.dau)} on the day\n${exact(row.wau)} in 7 days\n${exact(row.mau)} in 28 days`
  return (
    <PlotFigure
      label={`Active listeners on ${last.date}: ${exact(last.dau)} on the day, ${exact(last.wau)} in 7 days, ${exact(last.mau)} in 28 days.`}
      height={224}
      on={[rows]}
      options={(width) => ({
        height: 224,
        marginLeft: 44,
        marginRight: 56,
        marginBottom: 24,
        marginTop: 12,
        x: { type: "utc", inset: 6 },
        y: { domain: [0, top] },
        marks: [
          gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 4 }),
          axisY({
            ticks: 4,
            tickSize: 0,
            label: null,
            tickFormat: (value: number) => compact(value),
            fill: "var(--quiet)"
          }),
          axisX({
            ticks: Math.min(width < 520 ? 3 : 6, days.length),
            tickSize: 0,
            label: null,
            tickFormat: (at: Date) => dayText(at.getTime()),
            fill: "var(--quiet)"
          }),
          areaY(days, { x: "at", y: "dau", fill: "var(--c1)", fillOpacity: 0.08 }),
          ...lines.flatMap(({ key, name, color }, index) => [
            lineY(days, {
              x: "at",
              y: key,
              stroke: color,
              strokeWidth: 2,
              ...(days.length === 1 ? { marker: "dot" as const } : {})
            }),
            text([last], {
              x: "at",
              y: key,
              text: () => name,
              dx: 8,
              dy: placed[index] - wanted[index],
              textAnchor: "start",
              fill: "var(--text)"
            })
          ]),
          rectY(days, {
            x1: (row: { at: Date }) => new Date(row.at.getTime() - 432e5),
            x2: (row: { at: Date }) => new Date(row.at.getTime() + 432e5),
            y1: 0,
            y2: top,
            clip: true,
            fill: "transparent",
            ariaLabel: "days"
          })
        ]
      })}
      dress={(svg) => eachMark(svg, "days", (mark, index) => mark.setAttribute("data-tip", tip(rows[index])))}
    />
  )
}
