import { topics } from "@musify/domain/Topic.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { allChecks } from "../audits.ts"
import { buildTransaction } from "../buildHours.ts"
import { rowCounts } from "../tableRows.ts"
import { catalogTables, catalogStatements } from "../catalogTables.ts"
import { builtModels, dirtyHours, intakeStatements, ledgerTables, recordFailed } from "../ledger.ts"
import { column } from "../Model.ts"
import { models } from "../models/models.ts"
import { modelVersions, withDependents } from "../modelVersions.ts"
import { prepareLedger, remake } from "../schema.ts"
import { trickyCatalog } from "../spec/arbitraryHistories.ts"
import type { WarehouseSession } from "../Warehouse.ts"
import { bigQueryPublisher, versionTable } from "./bigQueryPublisher.ts"
import { googleSqlDialect, googleSqlType } from "./googleSqlDialect.ts"
import { definitionScripts, generationTable, longestScript, transactionScript } from "./script.ts"
import { GoogleSqlAnalyzer } from "./testing/GoogleSqlAnalyzer.ts"
import { ScriptChecker } from "./testing/ScriptChecker.ts"

const dataset = "project.musify"
const sql = googleSqlDialect(dataset)
let analyzer: GoogleSqlAnalyzer
let checker: ScriptChecker

beforeAll(async () => {
  analyzer = await GoogleSqlAnalyzer.start()
})
afterAll(() => analyzer.stop())

const versions = modelVersions(sql, "test")
const staged = Object.fromEntries(topics.map((topic) => [topic, `lake_${topic}`]))

const declareAll = () => {
  checker = new ScriptChecker(analyzer)
  analyzer.keep(new Set())
  checker.declare(dataset, [
    ...ledgerTables,
    ...catalogTables,
    ...models,
    {
      name: generationTable,
      description: "",
      columns: [column("generation", "int64", "")]
    },
    ...models
      .filter(({ publish }) => publish !== undefined)
      .map((model) => ({ ...model, name: `musify_marts.${model.name}` })),
    {
      name: `musify_marts.${versionTable}`,
      description: "",
      columns: [column("version", "string", ""), column("at", "timestamp", ""), column("facts", "string", "")]
    }
  ])
  for (const view of ["wide_streams", "level_changes"]) checker.bound(view, "ts")
}

/** A warehouse that keeps the scripts that it would send. */
const recorder = () => {
  const scripts: Array<string> = []
  const session: WarehouseSession = {
    dialect: sql,
    tables: Effect.succeed([
      { name: "fact_streams", isView: false },
      { name: "wide_streams", isView: true }
    ]),
    query: (_step, statement) =>
      Effect.sync(() => {
        scripts.push(`${statement};\n`)
        return [{ version: "v00000004", value: "1" }]
      }),
    define: (_step, statements) => Effect.sync(() => void scripts.push(...definitionScripts(statements, 7))),
    transact: (transaction) =>
      Effect.sync(() => {
        scripts.push(transactionScript(transaction, 7, 20))
        return []
      }),
    stage: () => Effect.succeed({})
  }
  return { scripts, session }
}

const wrong = async (statement: string): Promise<string> => {
  declareAll()
  return checker.check([statement]).then(
    () => "accepted",
    (error: Error) => error.message
  )
}

it("tables, keys, views and the catalog are made by statements that GoogleSQL takes", async () => {
  declareAll()
  await checker.check([...ledgerTables, ...models].map(sql.create))
  await checker.check(sql.keys(models))
  await checker.check(catalogStatements(sql, { version: "test", songs: trickyCatalog }))
  await checker.check(models.flatMap((model) => model.seed?.(sql) ?? []))
  expect(checker.count).toBeGreaterThan(40)
})

it("a view's columns and types are those that are declared", async () => {
  declareAll()
  for (const { columns, name, select } of models) {
    if (select === undefined) continue
    const found = (await analyzer.resolve(select(sql))).columns
    expect([name, found]).toEqual([
      name,
      columns.map((column) => ({ name: column.name, type: googleSqlType(column.type) }))
    ])
  }
})

const names = builtModels.map(({ name }) => name)
const hour = {
  hour: 498_736,
  hash: "abc",
  late: false,
  rows: 10,
  builtBefore: false,
  models: names,
  changed: [],
  failed: null
}

const plan = {
  topic: "listen_events",
  partition: 0,
  seq: 3,
  start: 10,
  end: 20,
  maxTs: 1_795_000_000_000,
  files: [{ hour: 498_736, path: "lake/listen_events/it's.parquet", rows: 10 }]
} as unknown as Plan

it("the ledger's statements and queries are GoogleSQL", async () => {
  declareAll()
  await checker.check(intakeStatements(sql, [], [plan]))
  await checker.check([dirtyHours(sql, versions), rowCounts(sql)])
  const failures = [{ model: "mart_songs", audit: "it's right", rows: [], query: "" }]
  await checker.check(recordFailed(sql, [hour], failures, versions, 5))
})

const declareStaged = () => {
  for (const topic of topics)
    analyzer.declare(
      `lake_${topic}`,
      lakeColumnsOf(topic).map(({ name, type }) => ({ name, type: googleSqlType(type) }))
    )
}

it.each(["every topic has files", "no topic has"])(
  "a build's script is GoogleSQL and bounds every scan of a fact: %s",
  async (which) => {
    declareAll()
    await checker.check(catalogStatements(sql, undefined))
    declareStaged()
    const files = which === "no topic has" ? {} : staged
    const hours = [hour, { ...hour, hour: 498_740 }]
    const build = buildTransaction(sql, hours, files, versions, 1_795_000_000_000)
    // Not sent, but said in the SQL of both engines.
    const suspects = [...new Set(build.checks.flatMap((check) => check.suspects ?? []))]
    expect(suspects.length).toBeGreaterThan(5)
    await checker.script([transactionScript(build, 7, 20), ...suspects.map((one) => `${one};\n`)].join(""))
    expect(checker.count).toBeGreaterThan(150)
  }
)

it.each(["users_now", "dim_location", "dim_songs", "mart_songs"])(
  "a build of %s and its dependents alone, and of emptied tables with new files, is GoogleSQL and bounds every scan",
  async (name) => {
    declareAll()
    await checker.check(catalogStatements(sql, undefined))
    declareStaged()
    const own = withDependents(new Set([name])).map((model) => model.name)
    const some = names.filter((one) => own.includes(one))
    const hours = [{ ...hour, models: name === "users_now" ? names : some, changed: some }]
    await checker.script(transactionScript(buildTransaction(sql, hours, staged, versions, 5), 7, 20))
  }
)

it("the script of many hours is short", () => {
  const hours = Array.from({ length: 240 }, (_, i) => ({ ...hour, hour: 498_736 + i }))
  const { length } = transactionScript(
    buildTransaction(sql, hours, staged, versions, 1_795_000_000_000),
    7,
    20
  )
  expect(length).toBeLessThan(longestScript / 4)
})

it("the scripts that make the ledger and the tables are GoogleSQL", async () => {
  declareAll()
  const { scripts, session } = recorder()
  await Effect.runPromise(
    Effect.gen(function* () {
      yield* prepareLedger({ ...session, tables: Effect.succeed([]) }, "BigQuery")
      const songs = { songs: { version: "test", songs: trickyCatalog } }
      yield* remake(session, new Set(models.map(({ name }) => name)), versions, songs)
    })
  )
  for (const script of scripts) await checker.script(script)
  expect(checker.count).toBeGreaterThan(80)
})

it.each(["3", "4"])(
  "the scripts that bring a warehouse of format %s to this one are GoogleSQL",
  async (format) => {
    declareAll()
    const { scripts, session } = recorder()
    const kept: WarehouseSession = {
      ...session,
      tables: Effect.succeed([{ name: "warehouse_info", isView: false }]),
      query: () => Effect.succeed([{ value: format }])
    }
    await Effect.runPromise(prepareLedger(kept, "BigQuery"))
    expect(scripts.join("")).toContain("ALTER TABLE pending_publish ADD COLUMN")
    for (const script of scripts) await checker.script(script)
  }
)

it("the scripts that publish are GoogleSQL", async () => {
  declareAll()
  const { scripts, session } = recorder()
  const { isSound, publish } = bigQueryPublisher(session, "musify_marts")
  const facts = {
    through: 5,
    firstHour: 1,
    lastHour: 2,
    lateHours: [],
    audits: { passed: 1, total: 1, failed: [] },
    rows: { fact_streams: 3 }
  }
  const pending = [
    { table: "mart_listening", day: 20_600, hour: 494_400 },
    { table: "mart_listening", day: 20_600, hour: 494_401 },
    { table: "mart_users", day: null, hour: 494_400 }
  ]
  await Effect.runPromise(
    Effect.gen(function* () {
      yield* isSound("v00000004")
      expect(yield* publish(pending, undefined, facts, Effect.void)).toBe("v00000005")
      expect(yield* publish(pending, "v00000004", facts, Effect.void)).toBe("v00000005")
    })
  )
  for (const script of scripts) await checker.script(script)
  expect(checker.count).toBeGreaterThan(15)
})

it("audits of everything bound every scan of a fact", async () => {
  declareAll()
  await checker.check(allChecks(sql).map(({ badRows }) => badRows))
})

it.each([
  ["SELECT song_key FROM fact_streams", "fact_streams is read without a constant bound on ts"],
  ["SELECT song_key FROM fact_streams WHERE hour_key >= 5", "without a constant bound"],
  [
    "SELECT f.song_key FROM fact_streams f JOIN user_days d ON f.ts >= TIMESTAMP(d.date)",
    "without a constant bound"
  ],
  ["DELETE FROM fact_auth WHERE user_id = 4", "fact_auth is read without a constant bound"],
  ["SELECT f.song_key FROM fact_streams f WHERE f.ts < TIMESTAMP_SECONDS(5)", "without a constant bound"],
  ["SELECT s.level FROM level_changes s", "level_changes is read without a constant bound"],
  [
    "SELECT d.date FROM user_days d LEFT JOIN mart_active_users m ON d.date > m.date",
    "LEFT JOIN has no equality"
  ],
  [
    "SELECT d.date FROM user_days d WHERE EXISTS (SELECT 1 FROM mart_active_users m WHERE m.date > d.date)",
    "a correlated subquery has no equality"
  ],
  ["SELECT level FROM mart_users WHERE user_id = 'x'", "No matching signature"],
  [
    "INSERT INTO mart_active_users SELECT CURRENT_TIMESTAMP(), 1, 1, 1",
    "cannot be inserted into column date"
  ],
  ["SET v_first_hour = (SELECT 'x')", "declared INT64 and set to STRING"],
  ["SELECT lead(user_id) OVER (ORDER BY date NULLS LAST) FROM user_days", "NULLS FIRST or LAST"]
])("what BigQuery would refuse is found: %s", async (statement, message) => {
  expect(await wrong(statement)).toContain(message)
})
