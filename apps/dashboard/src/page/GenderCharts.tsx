import type { GenderRow, LevelByGenderRow } from "../api/answers.ts"
import { Bar, share } from "./Bars.tsx"
import { compact, exact } from "./format.ts"

const genders: Readonly<Record<string, { readonly name: string; readonly color: string }>> = {
  F: { name: "Women", color: "var(--c1)" },
  M: { name: "Men", color: "var(--c2)" }
}
const genderOf = (code: string | null) =>
  genders[code ?? ""] ?? { name: code === null ? "Unknown" : code, color: "var(--c3)" }
const order = (code: string | null): number => (code === "F" ? 0 : code === "M" ? 1 : 2)

/** Listeners by gender as bars with their share. Plays of nobody known have no gender and are not listeners. */
export const GenderBars = ({ rows }: { readonly rows: ReadonlyArray<GenderRow> }) => {
  const shown = rows.filter((row) => row.listeners > 0).sort((a, b) => order(a.gender) - order(b.gender))
  const all = shown.reduce((sum, row) => sum + row.listeners, 0)
  const top = Math.max(...shown.map((row) => row.listeners))
  return (
    <ul class="hbars">
      {shown.map((row) => {
        const { name, color } = genderOf(row.gender)
        const tip = `${name}\n${exact(row.listeners)} listeners, ${share(row.listeners, all)}\n${exact(row.plays)} plays`
        return (
          <Bar key={name} name={name} color={color} value={row.listeners} all={all} top={top} tip={tip} />
        )
      })}
    </ul>
  )
}

/** Listeners by level, each level's bars by gender. */
export const LevelByGenderBars = ({ rows }: { readonly rows: ReadonlyArray<LevelByGenderRow> }) => {
  const shown = rows.filter((row) => row.listeners > 0)
  const top = Math.max(...shown.map((row) => row.listeners))
  return (
    <div class="levels">
      {[...new Set(shown.map((row) => row.level))].map((level) => {
        const ofLevel = shown
          .filter((row) => row.level === level)
          .sort((a, b) => order(a.gender) - order(b.gender))
        const all = ofLevel.reduce((sum, row) => sum + row.listeners, 0)
        return (
          <div key={level} class="level">
            <h3>
              {level === "paid" ? "Paid" : level === "free" ? "Free" : level}{" "}
              <span class="quiet">{compact(all)}</span>
            </h3>
            <ul class="hbars">
              {ofLevel.map((row) => {
                const { name, color } = genderOf(row.gender)
                const tip = `${name}, ${level}\n${exact(row.listeners)} listeners, ${share(row.listeners, all)} of ${level}\n${exact(row.plays)} plays`
                return (
                  <Bar
                    key={name}
                    name={name}
                    color={color}
                    value={row.listeners}
                    all={all}
                    top={top}
                    tip={tip}
                  />
                )
              })}
            </ul>
          </div>
        )
      })}
    </div>
  )
}
