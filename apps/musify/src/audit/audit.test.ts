import { DuckDBInstance } from "@duckdb/node-api"
import { topics } from "@musify/domain/Topic.ts"
import { Progress, type ProgressReport } from "@musify/runtime/Progress.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { publishedChecksum } from "@musify/warehouse/verifyPublished.ts"
import { Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { audit } from "./audit.ts"
import type { AuditOptions } from "./audit.ts"
import type { AuditReport } from "./AuditReport.ts"
import { reportText } from "./AuditReport.ts"
import type { Fixture } from "./testing/auditFixture.ts"
import { appendEvents, copyFixture, fixtureHistory, ingestAll, makeFixture } from "./testing/auditFixture.ts"

const history = fixtureHistory()
let clean: Fixture
let fixture: Fixture

beforeAll(async () => {
  clean = await makeFixture(history)
})
afterAll(() => fs.rmSync(clean.root, { recursive: true, force: true }))
afterEach(() => fixture !== undefined && fs.rmSync(fixture.root, { recursive: true, force: true }))

const options = ({ catalog, root }: Fixture, more: Partial<AuditOptions>): AuditOptions => ({
  bucket: path.join(root, "bucket"),
  warehouse: path.join(root, "warehouse.duckdb"),
  published: path.join(root, "bucket", "published"),
  catalog,
  deep: false,
  drained: true,
  seed: 1,
  ranges: 1,
  memoryMiB: 256,
  patience: "2 seconds",
  ...more
})

const auditEffect = (of: Fixture, more: Partial<AuditOptions>) =>
  Effect.provideService(audit(options(of, more)), EventLog, of.log)
const auditOf = (of: Fixture, more: Partial<AuditOptions> = {}): Promise<AuditReport> =>
  Effect.runPromise(auditEffect(of, more))

/** The names of the checks that are wrong, and all that they say. */
const wrong = (report: AuditReport) => {
  const checks = report.checks.filter(({ ok }) => !ok)
  expect(report.ok).toBe(checks.length === 0)
  return { names: checks.map(({ name }) => name.split(":")[0]), text: reportText(report) }
}

const parquetFiles = (folder: string): ReadonlyArray<string> =>
  fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".parquet"))
    .sort()
    .map((name) => path.join(folder, name))

/** Largest data file of a topic. */
const dataFile = (topic: string, rank = 0): string =>
  [...parquetFiles(path.join(fixture.root, "bucket", "lake", topic))].sort(
    (a, b) => fs.statSync(b).size - fs.statSync(a).size
  )[rank]

const sql = async (file: string, ...statements: ReadonlyArray<string>) => {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  for (const statement of statements) await connection.run(statement)
  connection.closeSync()
  instance.closeSync()
}

const rewrite = async (file: string, select: string) => {
  await sql(
    ":memory:",
    `COPY (${select.replace("FILE", `read_parquet('${file}', hive_partitioning = false)`)}) TO '${file}.new' (FORMAT PARQUET)`
  )
  fs.renameSync(`${file}.new`, file)
}

const inWarehouse = (...statements: ReadonlyArray<string>) =>
  sql(path.join(fixture.root, "warehouse.duckdb"), ...statements)

const logCheck = "log = lake + dead letters, each offset once"
const factCheck = "facts = lake, by hour"
const recountCheck = "users, sessions and songs = recount from the lake"
const numbersCheck = "dashboard = recount from the lake"
const filesCheck = "every file as planned"

test("a pipeline that has run to its end is clean, deep too, and every check has looked at something", async () => {
  fixture = copyFixture(clean)
  const stages = new Map<string, ProgressReport>()
  const running = auditEffect(fixture, { deep: true, ranges: 8 }).pipe(
    Effect.provideService(Progress, {
      report: (stage, progress) => Effect.sync(() => void stages.set(stage, progress)),
      finish: () => Effect.void,
      say: () => Effect.void
    })
  )
  const report = await Effect.runPromise(running)
  // Each long stage told how far it was, to its end.
  const lake = topics.map((topic) => `lake/${topic}`)
  expect([...stages.keys()].sort()).toEqual(["dashboard", "files", "log", "plans", ...lake].sort())
  for (const stage of stages.keys()) expect(stages.get(stage)?.done).toBe(stages.get(stage)?.total)
  expect(wrong(report), reportText(report)).toMatchObject({ names: [] })
  for (const check of report.checks) expect(check.checked, check.name).toBeGreaterThan(0)
  expect(report.checks[1].checked).toBe(history.events.length + 1)
})

describe("log and lake", () => {
  test("a dropped row is named by its offset", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("page_view_events")
    const [partition, , first] = path.basename(file, ".parquet").split("-")
    await rewrite(file, `SELECT * FROM FILE WHERE _offset <> ${first}`)
    const { names, text } = wrong(await auditOf(fixture))
    expect(names).toEqual(expect.arrayContaining([logCheck, factCheck, recountCheck]))
    expect(text).toContain(`page_view_events/${partition} offset ${first}: on the log, but neither`)
  })

  test("a doubled row", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("listen_events")
    fs.copyFileSync(file, file.replace(/\.parquet$/, "1.parquet"))
    const { names, text } = wrong(await auditOf(fixture, { deep: true }))
    expect(names).toEqual([logCheck, filesCheck])
    expect(text).toMatch(/listen_events\/\d offsets? \d+.*: 2 times/)
    expect(text).toContain("is an orphan: no plan names it")
  })

  test("a row with an offset that the log does not hold", async () => {
    fixture = copyFixture(clean)
    await rewrite(dataFile("auth_events"), "SELECT * REPLACE (_offset + 5000 AS _offset) FROM FILE")
    const { names, text } = wrong(await auditOf(fixture))
    expect(names).toContain(logCheck)
    expect(text).toMatch(/auth_events\/\d offsets? 5\d\d\d.*: in the lake, but the log ends at/)
  })

  test("a lost dead letter", async () => {
    fixture = copyFixture(clean)
    for (const file of parquetFiles(path.join(fixture.root, "bucket", "dead-letters"))) fs.rmSync(file)
    const { names } = wrong(await auditOf(fixture))
    expect(names).toEqual([logCheck])
  })

  test("a log that was made anew", async () => {
    fixture = { ...copyFixture(clean), log: makeInMemoryEventLog({ partitions: 2 }) }
    await Effect.runPromise(appendEvents(fixture.log, history.events.slice(0, 5), false))
    const { names, text } = wrong(await auditOf(fixture, { deep: true }))
    expect(names).toContain(logCheck)
    expect(text).toContain("planned, but the log ends at")
  })

  test("a gap in a chain, and a plan that is no plan", async () => {
    fixture = copyFixture(clean)
    const chain = path.join(fixture.root, "bucket", "log", "page_view_events", "0")
    const plans = fs
      .readdirSync(chain)
      .filter((name) => name.endsWith(".plan.json"))
      .sort()
    expect(plans.length).toBeGreaterThan(1)
    fs.rmSync(path.join(chain, plans[0]))
    fs.writeFileSync(path.join(chain, plans[1]), "{")
    const { names, text } = wrong(await auditOf(fixture))
    expect(names).toContain("chains without gap or overlap")
    expect(text).toContain(`${plans[1]}: is no plan`)
  })

  test("the tail is lag, and a difference only when the pipeline should stand still", async () => {
    fixture = { ...copyFixture(clean), log: makeInMemoryEventLog({ partitions: 2 }) }
    await Effect.runPromise(appendEvents(fixture.log, history.events, true))
    const late = history.events
      .slice(0, 7)
      .map((one) => ({ ...one, event: { ...one.event, itemInSession: 77 } }))
    await Effect.runPromise(appendEvents(fixture.log, late as never, false))
    const behind = await auditOf(fixture, { drained: false })
    expect(wrong(behind).names).toEqual([])
    expect(reportText(behind)).toContain("records wait to be ingested")
    expect(wrong(await auditOf(fixture)).text).toContain("on the log, but not ingested")
    await ingestAll(fixture.root, fixture.log)
    const unbuilt = await auditOf(fixture, { drained: false, deep: true })
    expect(wrong(unbuilt)).toMatchObject({ names: [] })
    expect(reportText(unbuilt)).toMatch(/files wait to be built/)
    expect(wrong(await auditOf(fixture)).names).toEqual(["nothing waits to be built or published"])
  })
})

/** Faults in the warehouse, and what the report must say of each. They lie apart, so that one audit tells them all. */
const warehouseFaults: ReadonlyArray<readonly [name: string, fault: string, says: RegExp]> = [
  [
    "a dropped fact",
    "DELETE FROM fact_streams WHERE ts = (SELECT min(ts) FROM fact_streams)",
    /fact_streams 2026-\d\d-\d\dT\d\d rows: expected \d+, found \d+/
  ],
  [
    "a doubled fact",
    "INSERT INTO fact_page_views SELECT * FROM fact_page_views LIMIT 1",
    /fact_page_views 2026-\d\d-\d\dT\d\d rows: expected \d+, found \d+/
  ],
  [
    "a wrong duration",
    "UPDATE fact_streams SET duration = duration + 0.5 WHERE ts = (SELECT max(ts) FROM fact_streams)",
    /fact_streams 2026-\d\d-\d\dT\d\d micros: expected \d+, found \d+/
  ],
  [
    "a wrong column",
    "UPDATE fact_page_views SET page = 'Elsewhere' WHERE ts = (SELECT max(ts) FROM fact_page_views)",
    /fact_page_views 2026-\d\d-\d\dT\d\d checksum/
  ],
  [
    "a gap in a user's versions",
    "UPDATE users_past SET valid_to = valid_to - INTERVAL 1 MILLISECOND WHERE user_id = (SELECT min(user_id) FROM users_past)",
    /dim_users versions that do not end where the next begins: expected 0, found [1-9]/
  ],
  [
    "two current versions",
    "INSERT INTO users_now SELECT * FROM users_now WHERE user_id = (SELECT min(user_id) FROM users_now)",
    /dim_users users without exactly one current version: expected 0, found 1/
  ],
  [
    "a wrong attribute",
    "UPDATE users_now SET level = 'gold' WHERE user_id = (SELECT max(user_id) FROM users_now)",
    /dim_users user_id=\d valid_from=\S+: expected .*level=\w+.*, found .*level=gold/
  ],
  [
    "a fact of another's version",
    "UPDATE fact_level_changes SET user_key = (SELECT max(user_key) FROM dim_users)",
    /fact_level_changes rows whose user_key is not the user's version at that time/
  ],
  [
    "an orphan key",
    "UPDATE fact_auth SET location_key = 12",
    /fact_auth rows whose location_key dim_location does not have/
  ],
  [
    "a doubled key",
    "INSERT INTO dim_location SELECT * FROM dim_location LIMIT 1",
    /dim_location rows with a location_key that others have/
  ],
  [
    "a wrong song",
    "UPDATE fact_streams SET song_key = (SELECT max(song_key) FROM dim_songs)",
    /fact_streams 2026-\d\d-\d\dT\d\d hour=\d+ song_key=\d+ artist_key=\d+: expected/
  ],
  [
    "a wrong session",
    "UPDATE fact_sessions SET seconds_listened = seconds_listened + 1",
    /fact_sessions session_id=\d: expected seconds_listened=\d+, found seconds_listened=\d+/
  ]
]

describe("warehouse", () => {
  test("each fault is told by its own line, and also by the warehouse's audits", async () => {
    fixture = copyFixture(clean)
    await inWarehouse(...warehouseFaults.map(([, fault]) => fault))
    const { names, text } = wrong(await auditOf(fixture))
    for (const [name, , says] of warehouseFaults) expect(text, name).toMatch(says)
    expect(names).toEqual([factCheck, recountCheck, "star schema", "star schema"])
  })

  test.each([warehouseFaults[0], warehouseFaults[4]])("%s alone is enough", async (_, fault, says) => {
    fixture = copyFixture(clean)
    await inWarehouse(fault)
    expect(wrong(await auditOf(fixture)).text).toMatch(says)
  })
})

describe("dashboard", () => {
  test("each wrong mart is told by the charts that are made of it", async () => {
    const faults = [
      ["mart_listening", "SELECT * REPLACE (plays + 1 AS plays, skips + 1 AS skips) FROM FILE"],
      ["mart_songs", "SELECT * REPLACE (0 AS song_key, 0 AS artist_key) FROM FILE"],
      ["mart_active_users", "SELECT * REPLACE (wau + 1 AS wau) FROM FILE"],
      ["mart_level_steps", "SELECT * REPLACE (changes + 1 AS changes) FROM FILE"],
      ["mart_retention", "SELECT * REPLACE (returned + 1 AS returned) FROM FILE"],
      ["dim_devices", "SELECT * REPLACE ('Lynx' AS browser) FROM FILE"]
    ] as const
    fixture = copyFixture(clean)
    const published = path.join(fixture.root, "bucket", "published")
    const version = fs.readFileSync(path.join(published, "CURRENT"), "utf8").trim()
    const manifest = JSON.parse(fs.readFileSync(path.join(published, version, "manifest.json"), "utf8"))
    for (const [table, select] of faults)
      for (const file of manifest.tables[table]) {
        const target = path.join(published, version, file.path)
        await rewrite(target, select)
        file.checksum = publishedChecksum(fs.readFileSync(target))
      }
    fs.writeFileSync(path.join(published, version, "manifest.json"), JSON.stringify(manifest))
    const { names, text } = wrong(await auditOf(fixture))
    expect(names).toEqual([numbersCheck])
    const told = ["summary", "trend", "states", "gender", "top songs", "top artists", "active users"]
    for (const chart of [...told, "skips", "level changes", "retention", "devices"])
      expect(text).toContain(`dashboard: ${chart} `)
    expect(text).toContain("cancellations")
  })
})

describe("damaged files are named, and no number is made of them", () => {
  test("a bit flipped in a published file", async () => {
    fixture = copyFixture(clean)
    const published = path.join(fixture.root, "bucket", "published")
    const version = fs.readFileSync(path.join(published, "CURRENT"), "utf8").trim()
    const file = path.join(published, version, "mart_users.parquet")
    const bytes = fs.readFileSync(file)
    bytes[40] ^= 1
    fs.writeFileSync(file, bytes)
    const { names, text } = wrong(await auditOf(fixture))
    expect(names).toEqual([numbersCheck])
    expect(text).toContain(`${file} is damaged`)
  })

  test("a truncated data file", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("page_view_events")
    fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2))
    const { text } = wrong(await auditOf(fixture, { deep: true }))
    expect(text).toContain(`${file}: cannot be read`)
  })

  test("a bit flipped in the pages or in the footer of a data file is found by the deep audit", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("auth_events")
    const bytes = fs.readFileSync(file)
    for (const share of [0.2, 0.97]) {
      const flipped = Buffer.from(bytes)
      flipped[Math.floor(share * bytes.length)] ^= 0x10
      fs.writeFileSync(file, flipped)
      expect(wrong(await auditOf(fixture, { deep: true })).text).toContain(file)
    }
  })

  test("rows that were exchanged under a right footer are not what the log says", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("listen_events")
    await rewrite(file, "SELECT * REPLACE ('Nobody' AS artist) FROM FILE")
    expect(wrong(await auditOf(fixture, { deep: true })).text).toContain(`${file}: is damaged`)
  })

  test("a missing data file", async () => {
    fixture = copyFixture(clean)
    const file = dataFile("listen_events")
    fs.rmSync(file)
    const { names, text } = wrong(await auditOf(fixture, { deep: true }))
    expect(names).toEqual([logCheck, factCheck, filesCheck])
    expect(text).toContain(`${file}: is missing`)
  })

  test.each(["truncated", "not a database", "flipped"])("a DuckDB file that is %s", async (how) => {
    fixture = copyFixture(clean)
    const file = path.join(fixture.root, "warehouse.duckdb")
    const bytes = fs.readFileSync(file)
    if (how === "truncated") fs.truncateSync(file, 3000)
    else if (how === "flipped")
      fs.writeFileSync(
        file,
        Buffer.concat([bytes.subarray(0, 4096), bytes.subarray(4096).map((b) => b ^ 0x55)])
      )
    else fs.writeFileSync(file, Buffer.alloc(20_000, "no database"))
    const error = await auditOf(fixture).then(
      () => undefined,
      (cause: unknown) => cause
    )
    expect(String(error)).toContain(file)
  })

  test("a warehouse that another process holds is waited for, then told", async () => {
    fixture = copyFixture(clean)
    const file = path.join(fixture.root, "warehouse.duckdb")
    const instance = await DuckDBInstance.create(file)
    const waiting = auditOf(fixture, { patience: "60 seconds" })
    await Effect.runPromise(Effect.sleep("500 millis"))
    instance.closeSync()
    expect(wrong(await waiting).names).toEqual([])
  })
})
