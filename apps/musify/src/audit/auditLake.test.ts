import { makeGcsObjectStore } from "@musify/lake/gcs/GcsObjectStore.ts"
import { defaultGcsOptions } from "@musify/lake/gcs/GcsOptions.ts"
import type { JsonApiServer, StoredObject } from "@musify/lake/gcs/testing/JsonApiServer.ts"
import { startJsonApiServer } from "@musify/lake/gcs/testing/JsonApiServer.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Progress, type ProgressReport } from "@musify/runtime/Progress.ts"
import { Duration, Effect } from "effect"
import { execFile } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { auditLake } from "./auditLake.ts"
import type { AuditLakeOptions } from "./auditLake.ts"
import type { AuditReport } from "./AuditReport.ts"
import { reportText } from "./AuditReport.ts"
import type { Fixture } from "./testing/auditFixture.ts"
import { fixtureHistory, makeFixture } from "./testing/auditFixture.ts"

const history = fixtureHistory()
let fixture: Fixture
let server: JsonApiServer
/** The lake of a pipeline that has run to its end. */
let clean: ReadonlyMap<string, StoredObject>

/** Where this test's audits put their copies. */
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-audit-lake-"))

const storeOf = () =>
  makeGcsObjectStore({
    ...defaultGcsOptions,
    bucket: server.bucket,
    prefix: "a/b/",
    endpoint: server.endpoint,
    retryFor: Duration.zero
  })

beforeAll(async () => {
  vi.stubEnv("TMPDIR", scratch)
  fixture = await makeFixture(history)
  server = await startJsonApiServer()
  const bucket = path.join(fixture.root, "bucket")
  const store = storeOf()
  for (const entry of fs.readdirSync(bucket, { recursive: true, withFileTypes: true })) {
    const name = path.relative(bucket, path.join(entry.parentPath, entry.name))
    if (!entry.isFile() || !/^(?:lake|log|dead-letters)\//.test(name)) continue
    await Effect.runPromise(store.putIfAbsent(name, fs.readFileSync(path.join(bucket, name))))
  }
  clean = new Map(server.objects)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server.close()
  fs.rmSync(scratch, { recursive: true, force: true })
})
beforeEach(() => {
  server.objects.clear()
  for (const [name, object] of clean) server.objects.set(name, object)
  server.requests.length = 0
  server.misbehave()
})
afterEach(() => {
  // Whatever is found: nothing is written or deleted, and no copy is left behind.
  const reads = ["get", "list", "bucket"]
  expect(server.requests.filter(({ kind }) => !reads.includes(kind))).toEqual([])
  expect(fs.readdirSync(scratch)).toEqual([path.basename(fixture.root)])
})

const auditEffect = (more: Partial<AuditLakeOptions> = {}) =>
  auditLake({
    store: storeOf(),
    log: undefined,
    deep: false,
    drained: true,
    seed: 1,
    memoryMiB: 256,
    ...more
  })
const auditOf = (more: Partial<AuditLakeOptions> = {}): Promise<AuditReport> =>
  Effect.runPromise(auditEffect(more))

const wrong = (report: AuditReport) => {
  const checks = report.checks.filter(({ ok }) => !ok)
  expect(report.ok).toBe(checks.length === 0)
  return { names: checks.map(({ name }) => name), text: reportText(report) }
}

const chainsCheck = "chains without gap or overlap"
const plansCheck = "lake + dead letters = plans, each offset once"
const logCheck = "log = lake + dead letters, each offset once"
const filesCheck = "every file as planned"

const names = (pattern: RegExp): ReadonlyArray<string> =>
  [...server.objects.keys()].filter((name) => pattern.test(name)).sort()
const dataFile = (topic: string): string => names(new RegExp(`^a/b/lake/${topic}/`))[0]

/** Both ways to audit without a log. */
const both = async () => {
  const plain = wrong(await auditOf())
  const deep = wrong(await auditOf({ deep: true }))
  return { plain, deep }
}

test("a lake that is right is clean, with and without its log, and every check has looked at something", async () => {
  const stages = new Map<string, ProgressReport>()
  for (const log of [undefined, fixture.log])
    for (const deep of [false, true]) {
      const report = await Effect.runPromise(
        auditEffect({ deep, log }).pipe(
          Effect.provideService(Progress, {
            report: (stage, progress) => Effect.sync(() => void stages.set(stage, progress)),
            finish: () => Effect.void,
            say: () => Effect.void
          })
        )
      )
      const text = reportText(report)
      expect(wrong(report), text).toMatchObject({ names: [] })
      for (const check of report.checks) expect(check.checked, check.name).toBeGreaterThan(0)
      expect(report.checks.map(({ name }) => name)).toEqual([
        chainsCheck,
        ...(log === undefined ? (deep ? [] : [plansCheck]) : [logCheck]),
        ...(deep ? [filesCheck] : [])
      ])
      expect(text).toContain("not checked: warehouse and dashboard")
      expect(text.includes("not checked: that the log's records are in the lake")).toBe(log === undefined)
    }
  for (const [stage, { done, total }] of stages) expect(done, stage).toBe(total)
  expect([...stages.keys()]).toEqual(expect.arrayContaining(["plans", "files", "lake/listen_events"]))
})

describe("is found and named by its gs:// address", () => {
  test("a file that is missing", async () => {
    const file = dataFile("listen_events")
    server.objects.delete(file)
    const { deep, plain } = await both()
    expect(plain.names).toEqual([plansCheck])
    expect(plain.text).toMatch(
      /listen_events\/\d offsets? \d+.*: plan \d+ says \d+ records, the lake and its dead letters hold \d+/
    )
    expect(deep.names).toEqual([filesCheck])
    expect(deep.text).toContain(`gs://test-bucket/${file}: is missing, but plan`)
  })

  test("an orphan, under lake/ and dead-letters/, of a topic or not; its rows are counted by a glob", async () => {
    const file = dataFile("page_view_events")
    const orphan = file.replace(/\.parquet$/, "9.parquet")
    const others = ["a/b/lake/other/x", "a/b/dead-letters/x.parquet"]
    for (const name of [orphan, ...others]) server.objects.set(name, server.objects.get(file)!)
    const { deep, plain } = await both()
    expect(plain.names).toEqual([plansCheck])
    expect(plain.text).toMatch(
      /page_view_events\/\d offsets? \d+.*: 2 times in the lake and its dead letters/
    )
    expect(deep.names).toEqual([filesCheck])
    for (const name of [orphan, ...others])
      expect(deep.text).toContain(`gs://test-bucket/${name}: is an orphan: no plan names it`)
  })

  test("another file under a planned name", async () => {
    const [one, other] = names(/^a\/b\/lake\/page_view_events\//)
    server.objects.set(one, server.objects.get(other)!)
    const { deep, plain } = await both()
    expect(plain.names).toEqual([plansCheck])
    expect(deep.text).toMatch(new RegExp(`gs://test-bucket/${one}: says that it is .*, its plan says`))
  })

  test("a gap in a chain, and a plan that is no plan", async () => {
    const [first, second] = names(/^a\/b\/log\/page_view_events\/0\/.*plan/)
    server.objects.delete(first)
    server.objects.set(second, {
      ...server.objects.get(second)!,
      bytes: Buffer.from("{"),
      crc32c: "wN5ORg=="
    })
    const report = wrong(await auditOf({ deep: true }))
    expect(report.names).toContain(chainsCheck)
    expect(report.text).toContain(`gs://test-bucket/${second}: is no plan`)
  })

  test("bits that changed: in the store, which the checksum over the wire tells, or before, which the file's own does", async () => {
    const file = dataFile("auth_events")
    const object = server.objects.get(file)!
    const bytes = Buffer.from(object.bytes)
    bytes[bytes.length >> 2] ^= 8
    server.objects.set(file, { ...object, bytes })
    const { deep, plain } = await both()
    for (const { text } of [plain, deep])
      expect(text).toMatch(
        new RegExp(
          `gs://test-bucket/${file}: Cannot read .* its checksum \\(crc32c\\) is \\S+, but the bytes that arrived have`
        )
      )
    const { crc32cOf } = await import("@musify/lake/gcs/crc32c.ts")
    server.objects.set(file, { ...object, bytes, crc32c: crc32cOf(bytes) })
    const after = wrong(await auditOf({ deep: true }))
    expect(after.names).toEqual([filesCheck])
    expect(after.text).toContain(`gs://test-bucket/${file}: `)
  })

  test("a record that the log has and the lake has not", async () => {
    const deadLetters = names(/^a\/b\/dead-letters\//)
    expect(deadLetters.length).toBeGreaterThan(0)
    for (const name of deadLetters) server.objects.delete(name)
    const report = wrong(await auditOf({ log: fixture.log }))
    expect(report.names).toEqual([logCheck])
    expect(report.text).toContain("on the log, but neither in the lake nor in its dead letters")
  })
})

test("files of a plan that is still open may be missing, and are no orphans when they are there", async () => {
  const seals = names(/^a\/b\/log\/listen_events\/.*seal/)
  expect(seals.length).toBeGreaterThan(0)
  for (const name of seals) server.objects.delete(name)
  expect((await both()).deep.names).toEqual([])
  const last = names(/^a\/b\/log\/listen_events\/0\/.*plan/).at(-1)!
  const plan = JSON.parse(server.objects.get(last)!.bytes.toString("utf8")) as {
    readonly files: ReadonlyArray<{ readonly path: string }>
  }
  for (const { path: name } of plan.files) expect(server.objects.delete(`a/b/${name}`)).toBe(true)
  const { deep, plain } = await both()
  expect([...plain.names, ...deep.names]).toEqual([])
})

test("a lake that is planned and filled while it is looked at is clean", async () => {
  const seen = /^a\/b\/log\/listen_events\/0\/.*|^a\/b\/lake\/listen_events\/.*\/0-\d+-\d+\.parquet/
  const later = names(seen).map((name) => [name, server.objects.get(name)!] as const)
  for (const [name] of later) server.objects.delete(name)
  // All of a partition's objects appear right after the files have been listed, before the plans are.
  const store = storeOf()
  let listings = 0
  const filling = {
    ...store,
    list: (prefix: string) =>
      Effect.zipLeft(
        store.list(prefix),
        Effect.sync(() => {
          if (++listings === 2) for (const [name, object] of later) server.objects.set(name, object)
        })
      )
  }
  const report = wrong(await auditOf({ deep: true, store: filling }))
  expect(report.names, report.text).toEqual([])
})

test("no more copies lie on the disk than two plans have files", async () => {
  const store = storeOf()
  const copies = () =>
    fs
      .readdirSync(scratch, { recursive: true, encoding: "utf8" })
      .filter((name) => name.startsWith("musify-audit-files-") && name.endsWith(".parquet")).length
  let most = 0
  let files = 0
  const counting = {
    ...store,
    get: (name: string) => {
      most = Math.max(most, copies())
      if (name.endsWith(".parquet")) files++
      return store.get(name)
    }
  }
  expect((await auditOf({ deep: true, store: counting })).ok).toBe(true)
  const inPlan = names(/\/log\/.*plan/).map((name) => {
    const plan = JSON.parse(server.objects.get(name)!.bytes.toString("utf8")) as Plan
    return plan.files.length + plan.deadLetters.length
  })
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(2 * Math.max(...inPlan))
  expect(files).toBeGreaterThan(3 * Math.max(...inPlan))
})

test("a store that is away, and a bucket that is not there, are no differences", async () => {
  server.misbehave(...Array.from({ length: 100 }, () => ({ status: 503 })))
  const away = await Effect.runPromise(Effect.flip(auditEffect()))
  expect(away).toMatchObject({ _tag: "ObjectStoreUnavailable", retryable: true })
  server.misbehave()
  const store = storeOf()
  for (const deep of [false, true]) {
    // Away from the first file on: nothing is told of that file.
    const gone = new ObjectStoreUnavailable({ name: "", message: "away", retryable: true })
    const leaving = { ...store, get: (name: string) => (name.startsWith("log/") ? store.get(name) : gone) }
    expect(await Effect.runPromise(Effect.flip(auditEffect({ deep, store: leaving })))).toBe(gone)
  }
  const missing = makeGcsObjectStore({
    ...defaultGcsOptions,
    bucket: "no-such-bucket",
    endpoint: server.endpoint
  })
  const error = await Effect.runPromise(Effect.flip(auditEffect({ store: missing })))
  expect(error.message).toContain("Make the bucket, or name another one (--bucket).")
})

test("the command: exit codes and reports, without a data folder", async () => {
  const musify = fileURLToPath(new URL("../../../../bin/musify.mjs", import.meta.url))
  const run = (...args: ReadonlyArray<string>) =>
    promisify(execFile)(
      process.execPath,
      [musify, "audit", "--data", path.join(scratch, "nowhere"), "--gcs-retry-for", "0s", ...args],
      { env: { PATH: process.env.PATH, HOME: scratch, TMPDIR: scratch } }
    ).then(
      ({ stderr, stdout }) => ({ code: 0, stderr, stdout }),
      ({ code, stderr, stdout }: { code: number; stderr: string; stdout: string }) => ({
        code,
        stderr,
        stdout
      })
    )
  const bucket = ["--bucket", `gs://${server.bucket}/a/b`, "--gcs-endpoint", server.endpoint]
  const sound = await run(...bucket, "--deep", "--json")
  expect(sound).toMatchObject({ code: 0, stderr: "" })
  expect(JSON.parse(sound.stdout)).toMatchObject({
    ok: true,
    checks: [{ name: chainsCheck }, { name: filesCheck }]
  })
  server.objects.delete(dataFile("auth_events"))
  const damaged = await run(...bucket)
  expect(damaged.code).toBe(1)
  expect(damaged.stdout).toContain(`WRONG  ${plansCheck}`)
  const missing = await run("--bucket", "gs://no-such-bucket", "--gcs-endpoint", server.endpoint)
  expect(missing).toMatchObject({
    code: 3,
    stdout: "",
    stderr:
      "Cannot list gs://no-such-bucket: HTTP 404, The specified bucket does not exist. Make the bucket, or name another one (--bucket).\n"
  })
  expect((await run("--bucket", "my-lake")).code).toBe(2)
  const noLog = await run(...bucket, "--log", "lmdb")
  expect(noLog).toMatchObject({ code: 2 })
  expect(noLog.stderr).toContain("There is no Musify data folder")
})

test("an empty bucket is clean and says that it is empty", async () => {
  server.objects.clear()
  const { deep, plain } = await both()
  for (const { names: found, text } of [plain, deep]) {
    expect(found).toEqual([])
    expect(text).toContain("gs://test-bucket/a/b/log/ holds no plans")
  }
})
