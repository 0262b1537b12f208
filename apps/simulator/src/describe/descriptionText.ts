import type { Description } from "./describeConfig.ts"

/** 0.0614 as "6.14 %". */
const percent = (share: number): string => {
  const p = share * 100
  return `${p === 0 ? "0" : p < 0.01 ? "< 0.01" : p.toFixed(p < 10 ? 2 : 1)} %`
}

const figure = (n: number): string => n.toFixed(n < 100 ? 2 : 0)

/** Rows of texts as columns; the first `left` columns are aligned to the left. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>, left: number): ReadonlyArray<string> => {
  const widths = rows[0].map((_, n) => Math.max(...rows.map((row) => row[n].length)))
  return rows.map((row) =>
    `  ${row.map((cell, n) => (n < left ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join("  ")}`.trimEnd()
  )
}

/** Pages below this share of the views are not shown. */
const rarePage = 0.0001

/** A description for people. `name` is what is described. */
export const descriptionText = (name: string, d: Description): string => {
  const rare = d.pages.filter(({ share }) => share < rarePage)
  return [
    `${name}: ${d.states} states, ${d.transitions} transitions`,
    "",
    "A session has on average",
    ...table(
      [
        ["items (page views)", figure(d.session.items)],
        ["songs", figure(d.session.songs)],
        ["minutes from its first to its last event", figure(d.session.minutes)]
      ],
      1
    ),
    "",
    "Sessions by the auth and level in which they begin",
    ...table(
      [
        ["auth", "level", "listeners", "sessions", "items", "songs", "minutes", "leave"],
        ...d.classes.map((c) => [
          c.auth,
          c.level,
          percent(c.listeners),
          percent(c.sessions),
          figure(c.items),
          figure(c.songs),
          figure(c.minutes),
          percent(c.leaves)
        ])
      ],
      2
    ),
    "",
    "Page views",
    ...table(
      d.pages.filter(({ share }) => share >= rarePage).map(({ page, share }) => [page, percent(share)]),
      1
    ),
    ...(rare.length === 0 ? [] : [`  rarer: ${rare.map(({ page }) => page).join(", ")}`]),
    "",
    `In ${d.days} days`,
    ...table(
      [
        ["sessions per listener", figure(d.sessionsPerListener)],
        ...d.levelChanges.map(({ from, share, to }) => [
          `${from} to ${to}, of those who are ${from}`,
          percent(share)
        ]),
        ["leave for good", percent(d.churn.total)],
        ["  by cancelling", percent(d.churn.cancelled)],
        ["  by attrition", percent(d.churn.attrition)]
      ],
      1
    )
  ].join("\n")
}
