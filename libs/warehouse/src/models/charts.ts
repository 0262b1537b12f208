import type { Dialect } from "../Dialect.ts"
import type { Model, ModelColumn } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { dailyPlays } from "./dailyPlays.ts"

/** A chart of each UTC day and ISO week, with the place in the one before: asked of mart_songs, nothing is stored. */
const chart = (options: {
  readonly name: string
  readonly of: string
  readonly key: string
  readonly dimension: string
  readonly names: ReadonlyArray<readonly [ModelColumn, string]>
}): Model => {
  const { dimension, key, name, names, of } = options
  const played = (sql: Dialect, period: string, starts: string) =>
    `SELECT ${sql.text(period)} AS period, ${starts} AS starts, ${key}, ${sql.cast("sum(plays)", "int64")} AS plays FROM ${sql.table("mart_songs")} GROUP BY 2, 3`
  return {
    name,
    kind: "view",
    grain: `day or week × ${key}`,
    description: `${of} by plays, with the change of place against the period before.`,
    key: ["period", "starts", key],
    columns: [
      column("period", "string", "day or week"),
      column("starts", "date", "UTC day, or Monday of the week"),
      column("place", "int64", "Place by plays, from 1; equal plays share one"),
      optional("place_before", "int64", "Place in the period before; NULL when it was not played then"),
      optional("climbed", "int64", "Places won against the period before; negative: lost"),
      column(key, "int64", "Key"),
      ...names.map(([one]) => one),
      column("plays", "int64", "Plays"),
      optional("plays_before", "int64", "Plays in the period before")
    ],
    dependsOn: ["mart_songs", dimension],
    steps: () => [],
    select: (sql) => {
      const date = sql.dateOf("hour")
      return `
WITH played AS (
  ${played(sql, "day", date)}
  UNION ALL
  ${played(sql, "week", sql.weekStart(date))}
), ranked AS (
  SELECT period, starts, ${key}, plays, rank() OVER (PARTITION BY period, starts ORDER BY plays DESC) AS place FROM played
)
SELECT r.period, r.starts, r.place, b.place AS place_before, b.place - r.place AS climbed, r.${key},
  ${names.map(([one, from]) => `d.${from} AS ${one.name}`).join(", ")}, r.plays, b.plays AS plays_before
FROM ranked r JOIN ${sql.table(dimension)} d ON r.${key} = d.${key}
LEFT JOIN ranked b ON r.period = b.period AND r.${key} = b.${key}
  AND b.starts = CASE WHEN r.period = 'day' THEN ${sql.addDays("r.starts", "-1")} ELSE ${sql.addDays("r.starts", "-7")} END`
    },
    audits: [dailyPlays(name, "starts", "mart_songs", "period = 'day'")]
  }
}

export const songCharts = chart({
  name: "song_charts",
  of: "Songs",
  key: "song_key",
  dimension: "dim_songs",
  names: [
    [column("title", "string", "Title"), "title"],
    [column("artist_name", "string", "Artist"), "artist_name"]
  ]
})

export const artistCharts = chart({
  name: "artist_charts",
  of: "Artists",
  key: "artist_key",
  dimension: "dim_artists",
  names: [[column("artist_name", "string", "Artist"), "name"]]
})
