import { dayMs } from "@musify/domain/Hour.ts"
import { dateOf, midnight, mondayOf } from "./datetime.ts"
import type { SongPlaysRow } from "./marts.ts"
import { groupBy } from "./order.ts"

/** What a key was played in a day or an ISO week, and its place among the others. */
interface ChartRow {
  readonly period: "day" | "week"
  readonly starts: string
  readonly key: bigint
  readonly place: number
  readonly place_before: number | null
  readonly climbed: number | null
  readonly plays: number
  readonly plays_before: number | null
}

/** The charts of all days and weeks: equal plays share a place, and the next one counts them. */
export const chartRows = (
  rows: ReadonlyArray<SongPlaysRow>,
  key: "song_key" | "artist_key"
): ReadonlyArray<ChartRow> =>
  (["day", "week"] as const).flatMap((period) => {
    const begin = period === "day" ? dateOf : mondayOf
    const charts = new Map<string, ReadonlyMap<bigint, { readonly plays: number; readonly place: number }>>()
    for (const [starts, own] of groupBy(rows, ({ hour }) => begin(hour))) {
      const plays = [...groupBy(own, (row) => row[key])].map(
        ([one, all]) => [one, all.reduce((sum, row) => sum + row.plays, 0)] as const
      )
      const placed = plays.map(([one, n]) => {
        return [one, { plays: n, place: 1 + plays.filter(([, other]) => other > n).length }] as const
      })
      charts.set(starts, new Map(placed))
    }
    return [...charts].flatMap(([starts, chart]) => {
      const before = charts.get(dateOf(midnight(starts) - (period === "day" ? 1 : 7) * dayMs))
      return [...chart].map(([one, { place, plays }]): ChartRow => {
        const old = before?.get(one)
        return {
          period,
          starts,
          key: one,
          place,
          place_before: old?.place ?? null,
          climbed: old === undefined ? null : old.place - place,
          plays,
          plays_before: old?.plays ?? null
        }
      })
    })
  })
