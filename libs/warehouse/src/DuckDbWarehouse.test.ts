import { Effect, Exit } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { afterAll, expect, it } from "vitest"
import type { DuckDbSession } from "./DuckDbWarehouse.ts"
import { makeDuckDbWarehouse } from "./DuckDbWarehouse.ts"
import { prepareLedger } from "./schema.ts"
import { makePlace, removeScratch } from "./testing/harness.ts"
import { warehouseContract } from "./Warehouse.contract.ts"
import type { WarehouseUnavailable } from "./WarehouseError.ts"

removeScratch()
warehouseContract("DuckDB", () =>
  Effect.map(makePlace(), ({ file, store }) => ({
    warehouse: makeDuckDbWarehouse({ file, threads: 1 }),
    store
  }))
)
warehouseContract("DuckDB, of a lake in a remote bucket", () =>
  Effect.map(makePlace(), ({ file, store }) => ({
    warehouse: makeDuckDbWarehouse({ file, threads: 1 }),
    store: { ...store, locate: (name: string) => `gs://bucket/${name}` }
  }))
)

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-duckdb-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const use = (file: string, statements: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(makeDuckDbWarehouse({ file, threads: 1 }).open, (session) =>
      session.run("test", statements)
    )
  )

const made = async (name: string): Promise<string> => {
  const file = path.join(scratch, name)
  await Effect.runPromise(use(file, ["CREATE TABLE t AS SELECT range AS n FROM range(200000)", "CHECKPOINT"]))
  return file
}

const openFails = (file: string): Promise<WarehouseUnavailable> =>
  Effect.runPromise(Effect.flip(use(file, ["SELECT sum(n) FROM t"]))) as Promise<WarehouseUnavailable>

it("a statement that needs more memory than DuckDB may take says what to do", async () => {
  const held = "SELECT length(string_agg(repeat('x', 1000), '')) FROM range(300000)"
  const warehouse = makeDuckDbWarehouse({
    file: path.join(scratch, "small.duckdb"),
    threads: 1,
    memoryMiB: 64
  })
  const error = await Effect.runPromise(
    Effect.flip(Effect.scoped(Effect.flatMap(warehouse.open, (session) => session.run("test", [held]))))
  )
  expect(error.message).toMatch(/^test: DuckDB may take too little memory for this \(.*--batch-memory/)
})

it("a file that is no database, or is cut off, is named and left as it is", async () => {
  const noise = path.join(scratch, "noise.duckdb")
  fs.writeFileSync(noise, "x".repeat(20_000))
  const cut = await made("cut.duckdb")
  fs.truncateSync(cut, 9_000)
  const stub = await made("stub.duckdb")
  fs.truncateSync(stub, 100)
  for (const file of [noise, cut, stub]) {
    const before = fs.readFileSync(file)
    const error = await openFails(file)
    expect([error._tag, error.reason]).toEqual(["WarehouseUnavailable", "damaged"])
    expect(error.message).toContain(file)
    expect(error.message).toContain("builds it again from the lake")
    expect(fs.readFileSync(file).equals(before)).toBe(true)
  }
})

it("a flipped bit in the data is found, never read as a number", async () => {
  const file = await made("flipped.duckdb")
  const bytes = fs.readFileSync(file)
  // One bit in each block after the three headers.
  for (let at = 4096 * 3 + 1000; at < bytes.length; at += 262_144) bytes[at] ^= 4
  fs.writeFileSync(file, bytes)
  const error = await openFails(file)
  expect([error._tag, error.reason]).toEqual(["WarehouseUnavailable", "damaged"])
  expect(error.message).toContain(file)
})

it("a file that another process has open is told from a damaged one", async () => {
  const file = await made("locked.duckdb")
  const holder = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { DuckDBInstance } from "@duckdb/node-api"
const instance = await DuckDBInstance.create(${JSON.stringify(file)})
globalThis.connection = await instance.connect()
console.log("open")
process.stdin.resume()`
    ],
    { cwd: import.meta.dirname, stdio: ["pipe", "pipe", "inherit"] }
  )
  try {
    await once(holder.stdout, "data")
    const error = await openFails(file)
    expect([error._tag, error.reason]).toEqual(["WarehouseUnavailable", "locked"])
    expect(error.message).toContain(file)
  } finally {
    holder.kill("SIGKILL")
    await once(holder, "exit")
  }
  await Effect.runPromise(use(file, ["SELECT sum(n) FROM t"]))
})

it("a warehouse of a newer release is refused and not touched", async () => {
  const file = path.join(scratch, "newer.duckdb")
  const prepare = Effect.scoped(
    Effect.flatMap(makeDuckDbWarehouse({ file, threads: 1 }).open, (session) => prepareLedger(session, file))
  )
  await Effect.runPromise(prepare)
  await Effect.runPromise(use(file, ["UPDATE warehouse_info SET value = '99' WHERE name = 'format'"]))
  const before = fs.readFileSync(file)
  const error = (await Effect.runPromise(Effect.flip(prepare))) as WarehouseUnavailable
  expect(error.reason).toBe("newer format")
  expect(error.message).toContain(file)
  expect(fs.readFileSync(file).equals(before)).toBe(true)
})

it("a transaction that fails or is interrupted leaves nothing behind", async () => {
  const file = path.join(scratch, "rollback.duckdb")
  const count = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* makeDuckDbWarehouse({ file, threads: 1 }).open
        yield* session.run("test", ["CREATE TABLE t (n INTEGER)"])
        const insert = session.run("test", ["INSERT INTO t VALUES (1)"])
        yield* Effect.exit(session.transaction(Effect.zipRight(insert, Effect.fail("stop"))))
        const stopped = yield* Effect.exit(
          session
            .transaction(
              Effect.zipRight(
                insert,
                session.query("long", "SELECT count(*) FROM range(10000000000) a, range(10000000000) b")
              )
            )
            .pipe(Effect.timeout("200 millis"))
        )
        expect(Exit.isFailure(stopped)).toBe(true)
        yield* session.transaction(insert)
        return yield* session.query("test", "SELECT count(*) AS n FROM t")
      })
    )
  )
  expect(count).toEqual([{ n: 1n }])
})

it("rows are counted once, and then kept count of by whatever lasts", async () => {
  const file = path.join(scratch, "counts.duckdb")
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* makeDuckDbWarehouse({ file, threads: 1 }).open
        const counts = Effect.map(session.rowCounts!(["a", "b"]), (found) => [found.get("a"), found.get("b")])
        yield* session.define("test", ["CREATE TABLE a (n INTEGER)", "CREATE TABLE b (n INTEGER)"])
        yield* session.define("test", ["INSERT INTO a SELECT range FROM range(5)"])
        expect(yield* counts).toEqual([5, 0])
        yield* session.define("test", [
          "INSERT INTO a VALUES (7), (8)",
          "INSERT INTO b SELECT n FROM a",
          "DELETE FROM a WHERE n < 2",
          "UPDATE a SET n = n + 1"
        ])
        expect(yield* counts).toEqual([5, 7])
        const failing = session.define("test", ["INSERT INTO a VALUES (1)", "INSERT INTO a VALUES ('x')"])
        expect(Exit.isFailure(yield* Effect.exit(failing))).toBe(true)
        yield* session.define("test", ["INSERT INTO b VALUES (9)"])
        expect(yield* counts).toEqual([5, 8])
        yield* session.define("test", [
          "INSERT INTO b VALUES (9)",
          "DROP TABLE b",
          "CREATE TABLE b (n INTEGER)"
        ])
        yield* session.define("test", [
          "INSERT INTO b VALUES (1), (2)",
          "DROP TABLE a",
          "CREATE TABLE a AS SELECT 1 AS n"
        ])
        expect(yield* counts).toEqual([1, 2])
      })
    )
  )
})

const groupsOf = (session: DuckDbSession, table: string) =>
  Effect.map(
    session.query(
      "groups",
      `SELECT count(DISTINCT row_group_id) AS groups FROM pragma_storage_info('${table}')`
    ),
    ([row]) => Number(row["groups"])
  )

it("small row groups of builds are put together to large ones now and then", async () => {
  const file = path.join(scratch, "groups.duckdb")
  const facts = 30_000
  const hours = (n: number) =>
    Effect.scoped(
      Effect.flatMap(makeDuckDbWarehouse({ file, threads: 1 }).open, (session) =>
        Effect.gen(function* () {
          if (n === 0) {
            yield* prepareLedger(session, file)
            yield* session.run("test", ["CREATE TABLE facts (n BIGINT)"])
          }
          yield* session.run("test", [
            `INSERT INTO model_hours BY NAME SELECT 'm' || range AS model, ${n} AS hour, 'v' AS version, 'h' AS input_hash, 'built' AS state, 0 AS at FROM range(40)`,
            `INSERT INTO facts SELECT (hash(range + ${n} * ${facts}) >> 1)::BIGINT FROM range(${facts})`,
            "CHECKPOINT"
          ])
          return {
            ledger: yield* groupsOf(session, "model_hours"),
            facts: yield* groupsOf(session, "facts")
          }
        })
      )
    )
  const groups: Array<{ readonly ledger: number; readonly facts: number }> = []
  for (let n = 0; n < 20; n++) groups.push(await Effect.runPromise(hours(n)))
  expect(Math.max(...groups.map(({ ledger }) => ledger))).toBe(7)
  const together = groups.flatMap((one, n) => (one.ledger === 1 && n > 0 ? [{ ...one, n }] : []))
  expect(together.length).toBeGreaterThan(1)
  for (const { facts: found, n } of together)
    expect(found).toBeLessThanOrEqual(1 + (facts * (n + 1)) / 80_000)
})

it("many rows at once lie in large row groups", async () => {
  const file = path.join(scratch, "large.duckdb")
  await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(makeDuckDbWarehouse({ file }).open, (session) =>
        Effect.gen(function* () {
          const put = (rows: number) =>
            session.run("test", [`INSERT INTO facts SELECT range FROM range(${rows})`, "CHECKPOINT"])
          yield* session.run("test", ["CREATE TABLE facts (n BIGINT)"])
          yield* put(50_000)
          expect(yield* groupsOf(session, "facts")).toBe(3)
          yield* session.hurry!
          yield* session.hurry!
          yield* put(100_000)
          expect(yield* groupsOf(session, "facts")).toBe(2)
        })
      )
    )
  )
})
