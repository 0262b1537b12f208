import type { DeviceRow, LevelChangeRow, RetentionRow, SkipsRow } from "../api/answers.ts"
import { Bar, share } from "./Bars.tsx"
import { dayText, exact } from "./format.ts"

const levelColor = (level: string): string => (level === "paid" ? "var(--c1)" : "var(--c2)")

const changeNames: Readonly<Record<LevelChangeRow["change"], string>> = {
  upgrades: "Free → paid",
  downgrades: "Paid → free",
  cancellations: "Cancelled"
}

/** Upgrades, downgrades and cancellations, with their share of the listeners at that level. */
export const LevelChangeBars = ({ rows }: { readonly rows: ReadonlyArray<LevelChangeRow> }) => {
  const top = Math.max(...rows.map((row) => row.changes))
  const took = rows.filter((row) => row.meanDays !== null)
  return (
    <>
      <ul class="hbars wide">
        {rows.map(({ change, changes, level, listeners, meanDays }) => {
          const name = change === "cancellations" ? `${changeNames[change]} (${level})` : changeNames[change]
          const after = meanDays === null ? "" : `\n${meanDays} days at ${level} before, on average`
          const tip = `${name}\n${exact(changes)} of ${exact(listeners)} ${level} listeners${after}`
          return (
            <Bar
              key={name}
              name={name}
              color={change === "cancellations" ? "var(--c3)" : levelColor(level)}
              value={changes}
              all={listeners}
              top={top}
              tip={tip}
            />
          )
        })}
      </ul>
      <p class="below quiet">
        Share of the level's listeners.
        {took.map(({ change, meanDays }) => ` ${changeNames[change]} after ${meanDays} days on average.`)}
      </p>
    </>
  )
}

/** Share of plays that were skipped, by level. */
export const SkipBars = ({ rows }: { readonly rows: ReadonlyArray<SkipsRow> }) => (
  <ul class="hbars wide">
    {rows.map(({ level, plays, skips }) => (
      <Bar
        key={level}
        name={level === "paid" ? "Paid" : level === "free" ? "Free" : level}
        color={levelColor(level)}
        value={skips}
        all={plays}
        top={plays}
        tip={`${level}\n${exact(skips)} of ${exact(plays)} plays skipped, ${share(skips, plays)}`}
      />
    ))}
  </ul>
)

/** Devices that are shown; the table has them all. */
const shownDevices = 7

/** What a device is called: `Safari, iOS`; a kind of device that does not follow from it beside. */
const deviceName = ({ browser, form, os }: DeviceRow): string =>
  browser === null
    ? "Unknown"
    : browser === "other" && os === "other"
      ? "Other"
      : `${browser}, ${os}${form === "tablet" ? " tablet" : ""}`

/** Listeners by device, the most first. */
export const DeviceBars = ({ rows }: { readonly rows: ReadonlyArray<DeviceRow> }) => {
  const all = rows.reduce((sum, row) => sum + row.listeners, 0)
  const top = Math.max(...rows.map((row) => row.listeners))
  const hidden = rows.slice(shownDevices)
  return (
    <>
      <ul class="hbars wide">
        {rows.slice(0, shownDevices).map((row) => {
          const name = deviceName(row)
          const tip = `${name}${row.form === null ? "" : `, ${row.form}`}\n${exact(row.listeners)} listeners\n${exact(row.plays)} plays, ${share(row.skips, row.plays)} skipped`
          return (
            <Bar
              key={`${name} ${row.form}`}
              name={name}
              color="var(--accent)"
              value={row.listeners}
              all={all}
              top={top}
              tip={tip}
            />
          )
        })}
      </ul>
      {hidden.length > 0 && <p class="below quiet">{hidden.length} more in the table.</p>}
    </>
  )
}

/** Weekly cohorts, one a line: how many of their users played again in each week after. */
export const RetentionTable = ({ rows }: { readonly rows: ReadonlyArray<RetentionRow> }) => {
  const cohorts = [...new Set(rows.map((row) => row.cohort))]
  const weeks = [...new Set(rows.map((row) => row.week))].filter((week) => week > 0)
  const at = (cohort: string, week: number) => rows.find((row) => row.cohort === cohort && row.week === week)
  return (
    <>
      <table class="cohorts">
        <caption class="hidden">
          Per cent of each week's new listeners who played again, by weeks since
        </caption>
        <thead>
          <tr>
            <th scope="col">Week of</th>
            <th scope="col" class="number">
              New
            </th>
            {weeks.map((week) => (
              <th scope="col" class="number" key={week}>
                +{week}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map((cohort) => (
            <tr key={cohort}>
              <th scope="row">{dayText(Date.parse(cohort))}</th>
              <td class="number">{exact(at(cohort, 0)?.users ?? 0)}</td>
              {weeks.map((week) => {
                const row = at(cohort, week)
                if (row === undefined) return <td key={week} />
                const percent = (100 * row.returned) / row.users
                return (
                  <td
                    class={`number ${row.open ? "open" : ""}`}
                    key={week}
                    data-tip={`${exact(row.returned)} of ${exact(row.users)} new listeners of the week of ${dayText(Date.parse(cohort))}\nplayed ${week} ${week === 1 ? "week" : "weeks"} later${row.open ? "\nthat week is not over" : ""}`}
                    style={{
                      background: `color-mix(in srgb, var(--accent) ${Math.round(percent * 0.35)}%, transparent)`
                    }}
                  >
                    {Math.round(percent)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.some((row) => row.open && row.week > 0) && (
        <p class="below quiet">Slanted: the week is not over.</p>
      )}
    </>
  )
}
