import { DuckDBInstance } from "@duckdb/node-api"
import { EventLog } from "@musify/stream/EventLog.ts"
import { manyFaults } from "@musify/simulator/faults/testing/injected.ts"
import { simulate } from "@musify/simulator/simulate.ts"
import { cast, configOf, monday } from "@musify/simulator/testing/collect.ts"
import { Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { audit } from "./audit.ts"
import { reportText } from "./AuditReport.ts"
import { checkName } from "./faultCheck.ts"
import { copyFixture, fillFixture, type Fixture } from "./testing/auditFixture.ts"

let clean: Fixture
let fixture: Fixture | undefined
const manifest = (root: string) => path.join(root, "simulator", "faults.parquet")

beforeAll(async () => {
  clean = await fillFixture(cast.songs, (log, root) =>
    Effect.provideService(
      simulate({
        config: configOf(),
        songs: cast.songs,
        users: 70,
        seed: 5,
        start: monday,
        until: monday + 2 * 86_400_000,
        live: false,
        faults: { config: manyFaults({ late: { share: 0.2 } }), manifest: manifest(root) }
      }),
      EventLog,
      log
    )
  )
})
afterAll(() => fs.rmSync(clean.root, { recursive: true, force: true }))
afterEach(() => {
  if (fixture !== undefined) fs.rmSync(fixture.root, { recursive: true, force: true })
  fixture = undefined
})

const checkOf = async ({ catalog, log, root }: Fixture, drained = true, deep = false) => {
  const report = await Effect.runPromise(
    Effect.provideService(
      audit({
        bucket: path.join(root, "bucket"),
        warehouse: path.join(root, "warehouse.duckdb"),
        published: path.join(root, "bucket", "published"),
        catalog,
        faults: manifest(root),
        deep,
        drained,
        seed: 1,
        ranges: 1,
        memoryMiB: 256,
        patience: "2 seconds"
      }),
      EventLog,
      log
    )
  )
  return { report, check: report.checks.find(({ name }) => name === checkName)! }
}

const run = async (file: string, statements: ReadonlyArray<string>) => {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  const answers = []
  for (const statement of statements)
    answers.push((await connection.runAndReadAll(statement)).getRowObjectsJS())
  connection.closeSync()
  instance.closeSync()
  return answers
}

/** A copy of the fixture whose manifest says something else: `changes` are run over the table `f`. */
const tellOtherwise = async (changes: ReadonlyArray<string>): Promise<Fixture> => {
  fixture = copyFixture(clean)
  const file = manifest(fixture.root)
  const [[{ covered }]] = await run(":memory:", [
    `SELECT decode(value) AS covered FROM parquet_kv_metadata('${file}') WHERE decode(key) = 'covered'`
  ])
  await run(":memory:", [
    `CREATE TABLE f AS SELECT * FROM read_parquet('${file}')`,
    ...changes,
    `COPY f TO '${file}' (FORMAT parquet, KV_METADATA {covered: '${String(covered)}'})`
  ])
  return fixture
}

test("a pipeline that answers right is clean, faults and all", async () => {
  const { check, report } = await checkOf(clean, true, true)
  expect(reportText(report)).toContain("The audit is clean")
  expect(check.checked).toBeGreaterThan(400)
})

/** The first row of the manifest of which this holds. */
const one = (where: string) =>
  `(topic, partition, "offset", kind) IN (SELECT (topic, partition, "offset", kind) FROM f WHERE ${where} ORDER BY topic, partition, "offset" LIMIT 1)`
const taken = `kind = 'late' AND reason IS NULL AND "offset" > 20`

const planted: ReadonlyArray<readonly [what: string, change: string, expected: RegExp]> = [
  [
    "a dead letter that nothing was done to",
    `DELETE FROM f WHERE ${one("kind = 'malformed' AND reason = 'invalid JSON'")}`,
    /a dead letter for "invalid JSON", but nothing was done to it/
  ],
  [
    "a dead letter for another reason",
    `UPDATE f SET reason = 'invalid UTF-8' WHERE ${one("reason = 'invalid JSON'")}`,
    /a dead letter for "invalid JSON"; expected "invalid UTF-8"/
  ],
  [
    "no dead letter",
    `UPDATE f SET reason = 'invalid JSON' WHERE ${one(taken)}`,
    /late by \d+ s, but not in dead letters; expected "invalid JSON"/
  ],
  [
    "no event",
    `UPDATE f SET reason = NULL WHERE ${one("kind = 'malformed' AND detail = 'empty'")}`,
    /malformed \(empty\), but not in the lake/
  ],
  [
    "another event",
    `UPDATE f SET "offset" = "offset" - 1 WHERE ${one(taken)}`,
    /late by \d+ s: written as item|late by \d+ s, but not in the lake/
  ],
  [
    "another time",
    `UPDATE f SET written_ts = written_ts + INTERVAL 1 HOUR WHERE ${one("kind = 'clock-skew' AND reason IS NULL")}`,
    /clock that is -?\d+ s ahead: written as item/
  ],
  [
    "another copy",
    `UPDATE f SET original_offset = original_offset - 1 WHERE ${one("kind = 'duplicate' AND original_offset > 5")}`,
    /a second copy of offset \d+, but the copies differ/
  ],
  [
    "a field that is there",
    `UPDATE f SET detail = 'state' WHERE ${one("kind = 'missing-field' AND detail = 'zip'")}`,
    /without state, but the lake has the field/
  ]
]

test("finds in lake and dead letters whatever the manifest says otherwise", async () => {
  const { check } = await checkOf(await tellOtherwise(planted.map(([, change]) => change)))
  expect(check.ok).toBe(false)
  const texts = check.differences.map((difference) => ("topic" in difference ? difference.problem : ""))
  for (const [what, , expected] of planted)
    expect(
      texts.some((text) => expected.test(text)),
      `${what}\n${texts.join("\n")}`
    ).toBe(true)
})

test("finds a late event that is not among the facts, or twice", async () => {
  for (const [times, statement] of [
    [0, "DELETE FROM fact_page_views WHERE"],
    [2, "INSERT INTO fact_page_views SELECT * FROM fact_page_views WHERE"]
  ] as const) {
    fixture = copyFixture(clean)
    const [[late]] = await run(":memory:", [
      `SELECT session_id AS session, item_in_session AS item FROM read_parquet('${manifest(fixture.root)}')
      WHERE kind = 'late' AND reason IS NULL AND "offset" IS NOT NULL AND topic = 'page_view_events' ORDER BY "offset" LIMIT 1`
    ])
    await run(path.join(fixture.root, "warehouse.duckdb"), [
      `${statement} session_id = ${String(late.session)} AND item_in_session = ${String(late.item)}`
    ])
    const { check } = await checkOf(fixture)
    expect(check.differences).toHaveLength(1)
    expect(JSON.stringify(check.differences)).toContain(`but ${times} times among the facts of its hour`)
    fs.rmSync(fixture.root, { recursive: true, force: true })
  }
})

test("finds an event in the file of another hour", async () => {
  fixture = copyFixture(clean)
  const [[late]] = await run(":memory:", [
    `SELECT r.filename AS file FROM read_parquet('${manifest(fixture.root)}') f JOIN
      read_parquet('${path.join(fixture.root, "bucket", "lake", "page_view_events", "**", "*.parquet")}', filename = true, hive_partitioning = false) r
      ON r._partition = f.partition AND r._offset = f."offset" WHERE f.kind = 'late' AND f.topic = 'page_view_events' AND f.reason IS NULL LIMIT 1`
  ])
  const elsewhere = String(late.file).replace(/hour=\d\d/, (hour) =>
    hour === "hour=07" ? "hour=08" : "hour=07"
  )
  fs.mkdirSync(path.dirname(elsewhere), { recursive: true })
  fs.renameSync(String(late.file), elsewhere)
  const { check } = await checkOf(fixture)
  expect(JSON.stringify(check.differences)).toMatch(/late by \d+ s, but not in the file of its hour/)
})

test("says that the manifest is missing: a difference only where the pipeline stands still", async () => {
  fixture = copyFixture(clean)
  fs.rmSync(manifest(fixture.root))
  expect((await checkOf(fixture)).check).toMatchObject({ ok: false })
  expect((await checkOf(fixture, false)).check.notes[0]).toContain("not compared")
})
