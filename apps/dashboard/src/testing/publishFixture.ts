import { DuckDBInstance } from "@duckdb/node-api"
import { dayText, hourMs } from "@musify/domain/Hour.ts"
import type { Manifest } from "@musify/warehouse/Manifest.ts"
import type { PublishedFile } from "@musify/warehouse/verifyPublished.ts"
import { publishedChecksum } from "@musify/warehouse/verifyPublished.ts"
import fs from "node:fs/promises"
import path from "node:path"

/** What a made-up published version holds. */
export interface FixtureOptions {
  readonly seed?: number
  /** First hour and number of hours. */
  readonly firstHour: number
  readonly hours: number
  readonly users?: number
  readonly songs?: number
  /** Plays of a mean hour. */
  readonly playsPerHour?: number
  readonly lateHours?: ReadonlyArray<number>
  readonly failedAudits?: ReadonlyArray<string>
  /** Minutes of the last hour that are in; 60: it is closed. */
  readonly lastHourMinutes?: number
}

const stateList = [
  "CA",
  "CA",
  "CA",
  "CA",
  "TX",
  "TX",
  "TX",
  "FL",
  "FL",
  "NY",
  "NY",
  "NY",
  "PA",
  "IL",
  "IL",
  "OH",
  "GA",
  "NC",
  "MI",
  "NJ",
  "VA",
  "WA",
  "AZ",
  "MA",
  "TN",
  "IN",
  "MO",
  "MD",
  "WI",
  "CO",
  "MN",
  "SC",
  "AL",
  "LA",
  "KY",
  "OR",
  "OK",
  "CT",
  "UT",
  "IA",
  "NV",
  "AR",
  "MS",
  "KS",
  "NM",
  "NE",
  "ID",
  "WV",
  "HI",
  "NH",
  "ME",
  "MT",
  "RI",
  "DE",
  "SD",
  "ND",
  "AK",
  "DC",
  "VT",
  "WY",
  "PR",
  "PR",
  "GU",
  "AP"
]
const adjectives = [
  "Midnight",
  "Golden",
  "Electric",
  "Broken",
  "Silver",
  "Lonely",
  "Velvet",
  "Burning",
  "Quiet",
  "Neon",
  "Distant",
  "Crystal"
]
const nouns = [
  "River",
  "Hearts",
  "Highway",
  "Parade",
  "Signal",
  "Garden",
  "Letters",
  "Harbor",
  "Thunder",
  "Mirrors",
  "Avenue",
  "Summer"
]
const bands = [
  "The Lanterns",
  "Marlow & Pine",
  "Ada Quartz",
  "Saint Orchard",
  "Low Tide Radio",
  "Juno Vale",
  "The Paper Kites Club",
  "Kestrel",
  "Mina Sol",
  "Northern Static",
  "Otis Brand",
  "The Violet Hour",
  "Delta Nine",
  "Rosa Lind",
  "Copper Fields",
  "Glass Animals Choir"
]

const hash = (text: string) => `(hash(${text}) >> 2)::BIGINT`
const unit = (text: string) => `(${hash(text)} % 1000003) / 1000003.0`
const sqlList = (items: ReadonlyArray<string>) =>
  `[${items.map((item) => `'${item.replaceAll("'", "''")}'`).join(", ")}]`

/** Builds the tables of a fixture in a database of its own; the same options give the same rows. */
const tablesSql = (
  options: Required<Omit<FixtureOptions, "lateHours" | "failedAudits" | "lastHourMinutes">>
) => {
  const { seed, firstHour, hours, users, songs, playsPerHour } = options
  const start = `make_timestamp(${firstHour * hourMs} * 1000)`
  const count = Math.round(hours * playsPerHour)
  return `
    CREATE TABLE listeners AS SELECT i AS user_id,
      ${sqlList(stateList)}[1 + ${hash(`i * 7 + ${seed}`)} % ${stateList.length}] AS state,
      CASE ${hash(`i * 11 + ${seed}`)} % 40 WHEN 0 THEN NULL ELSE CASE WHEN ${hash(`i * 13 + ${seed}`)} % 100 < 53 THEN 'F' ELSE 'M' END END AS gender,
      ${unit(`i * 17 + ${seed}`)} < 0.3 AS pays
      FROM range(1, ${users + 1}) t(i);
    CREATE TABLE dim_artists AS SELECT (1000 + i)::BIGINT AS artist_key, 'AR' || i AS artist_id,
      ${sqlList(bands)}[1 + i % ${bands.length}] || CASE WHEN i < ${bands.length} THEN '' ELSE ' ' || (i // ${bands.length} + 1) END AS name,
      NULL::DOUBLE AS latitude, NULL::DOUBLE AS longitude, NULL::VARCHAR AS location
      FROM range(${Math.max(4, Math.ceil(songs / 6))}) t(i);
    CREATE TABLE dim_songs AS SELECT (900000000000000000 + i)::BIGINT AS song_key, 'SO' || i AS song_id, 'TR' || i AS track_id,
      ${sqlList(adjectives)}[1 + i % 12] || ' ' || ${sqlList(nouns)}[1 + (i // 12) % 12] || CASE WHEN i < 144 THEN '' ELSE ' No. ' || i END AS title,
      a.artist_key, a.name AS artist_name, NULL::VARCHAR AS release, 2004 AS year, 200.5::DOUBLE AS duration, true AS in_catalog
      FROM range(${songs}) t(i) JOIN dim_artists a ON a.artist_key = 1000 + (${hash(`i + ${seed}`)} % ${Math.max(4, Math.ceil(songs / 6))})::BIGINT;
    CREATE TABLE raw AS SELECT i,
      floor(${hours} * ${unit(`i * 3 + ${seed}`)})::BIGINT AS h,
      1 + floor(${users} * pow(${unit(`i * 5 + ${seed}`)}, 1.4))::BIGINT AS user_id,
      floor(${songs} * pow(${unit(`i * 19 + ${seed}`)}, 3))::BIGINT AS song,
      ${unit(`i * 23 + ${seed}`)} AS keep, ${hash(`i * 29 + ${seed}`)} % 200 AS guest
      FROM range(${count * 2}) t(i);
    CREATE TABLE plays AS SELECT ${start} + to_hours(h) AS hour,
      CASE WHEN guest < 3 THEN NULL ELSE l.user_id END AS user_id,
      CASE WHEN guest = 1 THEN NULL ELSE l.state END AS state,
      CASE WHEN l.pays AND h > ${Math.floor(hours / 5)} THEN 'paid' ELSE 'free' END AS level,
      CASE WHEN guest < 3 THEN NULL ELSE l.gender END AS gender,
      CASE WHEN user_id % 3 = 0 THEN NULL WHEN user_id % 3 = 1 THEN 'A' ELSE 'B' END AS tag, 1 + user_id % 6 AS device_key,
      i % 9 = 0 AS skipped, 900000000000000000 + song AS song_key, 120 + (i * 37) % 200 AS seconds
      FROM raw JOIN listeners l USING (user_id)
      WHERE keep < 0.5 + 0.38 * sin((((${firstHour} + h) % 24) - 11) * pi() / 12)
        + CASE WHEN isodow(${start} + to_hours(h)) > 5 THEN -0.07 ELSE 0.05 END
        AND user_id <= ${users} * (0.75 + 0.25 * h / ${hours});
    CREATE TABLE mart_listening AS SELECT hour, coalesce(user_id, 0)::BIGINT AS user_key, user_id::BIGINT AS user_id, state, level, gender,
      tag, device_key::BIGINT AS device_key, count(*) AS plays, sum(seconds)::BIGINT AS seconds, count(*) FILTER (WHERE skipped) AS skips FROM plays GROUP BY ALL ORDER BY ALL;
    CREATE TABLE mart_songs AS SELECT hour, state, song_key::BIGINT AS song_key, artist_key, count(*) AS plays
      FROM plays JOIN dim_songs USING (song_key) GROUP BY ALL ORDER BY ALL;
    CREATE TABLE mart_users AS SELECT user_id::BIGINT AS user_id, any_value(gender) AS gender, max_by(level, hour) AS level, NULL::TIMESTAMP AS registered_at,
      min(hour) AS first_seen, min(hour) AS first_play, max(hour) AS last_seen, NULL::TIMESTAMP AS paid_since
      FROM plays WHERE user_id IS NOT NULL GROUP BY user_id ORDER BY user_id;
    CREATE TABLE dim_devices AS SELECT * FROM (VALUES (1::BIGINT, 'a', 'Chrome', 'Windows', 'desktop'), (2, 'b', 'Safari', 'iOS', 'mobile'),
      (3, 'c', 'Chrome', 'Android', 'mobile'), (4, 'd', 'Chrome', 'Windows', 'desktop'), (5, 'e', 'other', 'other', 'other'),
      (6, NULL, NULL, NULL, NULL)) t(device_key, user_agent, browser, os, form);
    CREATE TABLE mart_level_steps AS WITH changes AS (
      SELECT min(hour) FILTER (WHERE level = 'paid') AS moment, min(hour) AS since, 'free' AS level_before, 'paid' AS level_after, any_value(tag) AS tag
        FROM plays WHERE user_id IS NOT NULL GROUP BY user_id
      UNION ALL SELECT max(hour), min(hour) FILTER (WHERE level = 'paid'), 'paid', 'free', any_value(tag) FROM plays WHERE user_id % 4 = 0 GROUP BY user_id HAVING bool_or(level = 'paid')
      UNION ALL SELECT max(hour), NULL, max_by(level, hour), 'cancelled', any_value(tag) FROM plays WHERE user_id % 11 = 0 GROUP BY user_id)
      SELECT moment::DATE AS date, level_before, level_after, tag,
        CASE WHEN since IS NOT NULL THEN list_max(list_filter([0, 1, 2, 4, 8, 15, 31, 91], lambda n: n <= epoch(moment - since) // 86400)) END::INTEGER AS days_before,
        count(*) AS changes, sum(epoch(moment - since))::BIGINT AS seconds_before
      FROM changes WHERE moment IS NOT NULL GROUP BY ALL ORDER BY ALL;
    CREATE TABLE mart_retention AS WITH weeks AS (
      SELECT DISTINCT user_id, date_trunc('week', hour)::DATE AS week FROM plays WHERE user_id IS NOT NULL
    ), starters AS (SELECT user_id, min(week) AS cohort_week FROM weeks GROUP BY user_id),
      cohorts AS (SELECT cohort_week, count(*) AS users FROM starters GROUP BY cohort_week)
      SELECT c.cohort_week, ((w.week - c.cohort_week) // 7)::INTEGER AS week_number, c.users,
        (SELECT count(*) FROM weeks x JOIN starters s ON x.user_id = s.user_id WHERE s.cohort_week = c.cohort_week AND x.week = w.week) AS returned
      FROM cohorts c JOIN (SELECT DISTINCT week FROM weeks) w ON w.week >= c.cohort_week ORDER BY ALL;
    CREATE TABLE days AS SELECT DISTINCT hour::DATE AS date, user_id FROM plays WHERE user_id IS NOT NULL;
    CREATE TABLE mart_active_users AS SELECT d.date, count(DISTINCT user_id) FILTER (days.date = d.date) AS dau,
      count(DISTINCT user_id) FILTER (days.date > d.date - 7) AS wau, count(DISTINCT user_id) AS mau
      FROM (SELECT DISTINCT date FROM days) d JOIN days ON days.date <= d.date AND days.date > d.date - 28 GROUP BY d.date ORDER BY d.date;`
}

const byDay = ["mart_listening", "mart_songs"]
const whole = [
  "mart_users",
  "mart_active_users",
  "mart_level_steps",
  "mart_retention",
  "dim_songs",
  "dim_artists",
  "dim_devices"
]

/**
 * Writes a made-up version under `published` with exactly the tables of the batcher and puts it in force, as the
 * batcher does: files, manifest, then CURRENT by a rename.
 */
export const publishFixture = async (
  published: string,
  version: string,
  options: FixtureOptions
): Promise<Manifest> => {
  const full = { seed: 1, users: 200, songs: 120, playsPerHour: 30, ...options }
  const duckDb = await DuckDBInstance.create(":memory:", { threads: "1" })
  const connection = await duckDb.connect()
  const root = path.join(published, version)
  const tables: Record<string, Array<PublishedFile>> = {}
  const copy = async (name: string, day: string | null) => {
    const where = day === null ? "" : ` WHERE hour::DATE = DATE '${day}'`
    const rows = Number(
      (await connection.runAndReadAll(`SELECT count(*) FROM ${name}${where}`)).getRows()[0][0]
    )
    const file = day === null ? `${name}/all.parquet` : `${name}/${day}.parquet`
    await fs.mkdir(path.join(root, name), { recursive: true })
    await connection.run(
      `COPY (SELECT * FROM ${name}${where}) TO '${path.join(root, file)}' (FORMAT parquet)`
    )
    const checksum = publishedChecksum(await fs.readFile(path.join(root, file)))
    tables[name] = [...(tables[name] ?? []), { path: file, day, rows, checksum }]
  }
  await connection.run(tablesSql(full))
  const end = full.firstHour + full.hours
  for (const name of byDay) {
    for (let day = Math.floor(full.firstHour / 24); day * 24 < end; day++) await copy(name, dayText(day * 24))
  }
  for (const name of whole) await copy(name, null)
  connection.closeSync()
  duckDb.closeSync()
  const through = (end - 1) * hourMs + (options.lastHourMinutes ?? 60) * 60_000 - 1
  const failed = options.failedAudits ?? []
  const manifest: Manifest = {
    format: 1,
    version,
    publishedAt: through + 38_000,
    through,
    firstHour: full.firstHour,
    lastHour: end - 1,
    lateHours: (options.lateHours ?? []).map((hour) => ({ hour, rebuiltAt: through + 30_000 })),
    audits: { passed: 41 - failed.length, total: 41, failed },
    rows: Object.fromEntries(
      Object.entries(tables).map(([name, files]) => [name, files.reduce((sum, file) => sum + file.rows, 0)])
    ),
    tables
  }
  await fs.writeFile(path.join(root, "manifest.json"), JSON.stringify(manifest))
  const next = path.join(published, `CURRENT.${version}.tmp`)
  await fs.writeFile(next, version)
  await fs.rename(next, path.join(published, "CURRENT"))
  return manifest
}
