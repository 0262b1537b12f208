import { hourMs } from "@musify/domain/Hour.ts"
import { Effect, Schema } from "effect"
import http from "node:http"
import type { AddressInfo } from "node:net"
import fs from "node:fs/promises"
import path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { Answer, Live, Problem, Status, SummaryRow } from "./api/answers.ts"
import { charts } from "./charts.ts"
import { hostAllowed } from "./http/security.ts"
import { serveDashboard } from "./server.ts"
import { publishFixture } from "./testing/publishFixture.ts"
import { countingLog, request, startServing } from "./testing/serving.ts"
import type { Got, Serving } from "./testing/serving.ts"

const firstHour = Math.floor(Date.parse("2026-11-16T00:00Z") / hourMs)
const fixture = { firstHour, hours: 80, users: 40, songs: 30, playsPerHour: 8 }
let serving: Serving

const get = (target: string, headers: http.OutgoingHttpHeaders = {}): Promise<Got> =>
  request(serving.port, target, { headers })
const decode = <A, I>(schema: Schema.Schema<A, I>, got: Got): A =>
  Schema.decodeUnknownSync(Schema.parseJson(schema))(got.body)
const problemOf = (got: Got): typeof Problem.Type => {
  expect(got.headers["content-type"]).toBe("application/problem+json")
  const problem = decode(Problem, got)
  expect(problem.status).toBe(got.status)
  return problem
}
const summaryOf = (got: Got) => decode(Answer(SummaryRow), got)
const versionNow = async () => decode(Status, await get("/api/status")).version

beforeAll(async () => {
  serving = await startServing()
})
afterAll(() => serving.stop())

test("before anything is published the page is there and the charts say so", async () => {
  expect((await get("/")).status).toBe(200)
  const got = await get("/api/summary")
  expect(got.status).toBe(503)
  expect(problemOf(got).detail).toContain("first hour is being built")
  expect(await versionNow()).toBeNull()
})

describe("with a version published", () => {
  beforeAll(async () => {
    await publishFixture(serving.published, "v1", {
      ...fixture,
      lateHours: [firstHour + 3],
      failedAudits: ["one"]
    })
    await vi.waitUntil(async () => (await versionNow()) === "v1", { timeout: 60_000 })
  })

  test("every chart answers with version, watermark, period and rows", async () => {
    for (const name of Object.keys(charts)) {
      const got = await get(`/api/${name}?range=all&state=CA`)
      expect(got.status).toBe(200)
      const answer = decode(Answer(Schema.Unknown), got)
      expect(answer).toMatchObject({ version: "v1", state: "CA", through: (firstHour + 80) * hourMs - 1 })
      expect(answer.period).toEqual({ from: "2026-11-16T00:00Z", to: "2026-11-19T08:00Z" })
      expect(answer.sql).toMatch(/^(SELECT|WITH)/)
    }
  })

  test("an answer is not sent twice: its ETag holds for version and query", async () => {
    const first = await get("/api/summary?range=today")
    const etag = first.headers.etag as string
    expect((await get("/api/summary?range=today", { "if-none-match": etag })).status).toBe(304)
    expect((await get("/api/summary?range=7d", { "if-none-match": etag })).status).toBe(200)
    expect((await get("/api/summary?range=today")).headers.etag).toBe(etag)
  })

  test.each([
    ["/api/summary?range=8d", 400, "range"],
    ["/api/summary?from=2026-11-17", 400, "to is null"],
    ["/api/summary?state=California", 400, "state"],
    ["/api/summary?state=CA&state=TX", 400, ""],
    ["/api/top-songs?limit=0", 400, "limit"],
    ["/api/top-songs?limit=1e9", 400, "limit"],
    ["/api/nothing", 404, "/docs"],
    ["/../../etc/passwd", 404, ""]
  ])("%s is a problem %i", async (target, status, text) => {
    const got = await get(target)
    expect(got.status).toBe(status)
    expect(problemOf(got).detail).toContain(text)
  })

  test("only reading is allowed", async () => {
    expect(problemOf(await request(serving.port, "/api/summary", { method: "POST" })).status).toBe(405)
  })

  test("a request under another host name is refused", async () => {
    for (const host of ["evil.example", `evil.example:${serving.port}`, "127.0.0.1.evil.example"]) {
      expect(problemOf(await get("/api/summary", { host })).status).toBe(403)
      expect((await get("/", { host })).status).toBe(403)
    }
    expect((await get("/api/summary", { host: `localhost:${serving.port}` })).status).toBe(200)
  })

  test("every answer forbids what is not the page's own", async () => {
    for (const target of ["/", "/docs", "/api/summary", "/api/nothing", "/assets/page.js"]) {
      const policy = (await get(target)).headers["content-security-policy"] as string
      expect(policy).toContain("default-src 'none'")
      expect(policy).not.toMatch(/unsafe|https?:|\*/)
    }
  })

  test("page and docs name no other host", async () => {
    for (const target of ["/", "/docs", "/assets/style.css"]) {
      expect((await get(target)).body).not.toMatch(/(src|href|url\()=?["'(]?(https?:)?\/\//)
    }
    const spec = JSON.parse((await get("/docs/openapi.json")).body) as { readonly paths: object }
    expect(Object.keys(spec.paths)).toEqual(
      [...Object.keys(charts), "status", "live"].map((name) => `/api/${name}`)
    )
  })

  test("the page's script is within its budget of 250 kB gzipped", async () => {
    const got = await get("/assets/page.js", { "accept-encoding": "gzip" })
    expect(Number(got.headers["content-length"])).toBeLessThan(250_000)
  })

  test("the live stream tells the log's rate and the version", async () => {
    serving.records.count = 0
    let isSeen = false
    const growing = (async () => {
      while (!isSeen) {
        await pause(100)
        serving.records.count += 10
      }
    })()
    const response = await fetch(`${serving.url}/api/live`)
    expect(response.headers.get("content-type")).toContain("text/event-stream")
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let text = ""
    let live: Live | undefined
    while ((live?.eventsPerSecond ?? 0) < 100) {
      const { value } = await reader.read()
      text += new TextDecoder().decode(value)
      const messages = text.split("\n\n").filter((message) => message.startsWith("data: "))
      const last = messages[messages.length - 1]
      if (last !== undefined) live = Schema.decodeUnknownSync(Schema.parseJson(Live))(last.slice(6))
    }
    isSeen = true
    await reader.cancel()
    await growing
    expect(live).toMatchObject({ version: "v1" })
    // Eight partitions grow by 100 a second.
    expect(live?.eventsPerSecond).toBeLessThan(1_200)
  })

  test("it answers all through a publish, each answer wholly of one version", async () => {
    const before = summaryOf(await get("/api/summary?range=all"))
    const seen = new Map<string, Set<number>>()
    const publishing = publishFixture(serving.published, "v2", { ...fixture, hours: 90 })
    let swapped = false
    void publishing.then(() => (swapped = true))
    for (let asked = 0; asked < 6_000 && !(swapped && seen.has("v2")); asked++) {
      // A limit makes each URL a new one, so that nothing comes from the cache.
      const got = await get(`/api/summary?range=all&limit=${1 + (asked % 100)}`)
      expect(got.status).toBe(200)
      const { version, rows } = summaryOf(got)
      seen.set(version, (seen.get(version) ?? new Set()).add(rows[0].plays))
      await pause(10)
    }
    await publishing
    expect([...seen.keys()]).toEqual(["v1", "v2"])
    expect([...(seen.get("v1") ?? [])]).toEqual([before.rows[0].plays])
    expect(seen.get("v2")?.size).toBe(1)
  })

  test("a version that cannot be read leaves the one before in use, and is told", async () => {
    await fs.cp(path.join(serving.published, "v2"), path.join(serving.published, "v3"), { recursive: true })
    await fs.writeFile(path.join(serving.published, "v3", "manifest.json"), '{"format":2}')
    await fs.writeFile(path.join(serving.published, "CURRENT"), "v3")
    const status = async () => decode(Status, await get("/api/status"))
    await vi.waitUntil(async () => (await status()).problem !== null, { timeout: 60_000 })
    expect(await status()).toMatchObject({ version: "v2", problem: expect.stringContaining("v3") })
    expect((await get("/api/summary?range=all")).status).toBe(200)
  })
})

test("a taken port is one clear message with exit code 2", async () => {
  const other = http.createServer()
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
  const { port } = other.address() as AddressInfo
  const failure = await Effect.runPromise(
    serveDashboard({ port, host: "127.0.0.1", published: serving.published }).pipe(
      Effect.provide(countingLog({ count: 0 })),
      Effect.scoped,
      Effect.flip
    )
  )
  other.close()
  expect(failure).toMatchObject({ _tag: "UserError", exitCode: 2 })
  expect(failure.message).toContain(`Port ${port}`)
})

test("a published file that is damaged under a running server is named instead of read, until it is published again", async () => {
  const second = await startServing()
  const summary = () => request(second.port, "/api/summary")
  await publishFixture(second.published, "v1", fixture)
  await vi.waitUntil(async () => (await summary()).status === 200, { timeout: 60_000 })
  const file = path.join(second.published, "v1", "mart_users", "all.parquet")
  const bytes = await fs.readFile(file)
  bytes[50] ^= 1
  await fs.writeFile(file, bytes)
  await vi.waitUntil(async () => (await summary()).status === 503, { timeout: 60_000 })
  expect((await summary()).body).toContain(file)
  expect((await decode(Status, await request(second.port, "/api/status"))).problem).toContain(file)
  await publishFixture(second.published, "v2", fixture)
  await vi.waitUntil(async () => (await summary()).status === 200, { timeout: 60_000 })
  await second.stop()
})

test("a stop is at once, with a page open and a version just replaced", async () => {
  const second = await startServing()
  for (const version of ["v1", "v2"]) {
    await publishFixture(second.published, version, fixture)
    const status = async () => decode(Status, await request(second.port, "/api/status"))
    await vi.waitUntil(async () => (await status()).version === version, { timeout: 60_000 })
  }
  const response = await fetch(`${second.url}/api/live`)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  await Promise.race([second.stop(), pause(30_000).then(() => Promise.reject(new Error("still running")))])
  await reader.cancel().catch(() => undefined)
})

test.each([
  ["127.0.0.1:4300", "127.0.0.1", true],
  ["[::1]:4300", "127.0.0.1", true],
  ["192.168.1.5:4300", "127.0.0.1", false],
  ["192.168.1.5:4300", "0.0.0.0", true],
  ["music.example", "0.0.0.0", false],
  ["music.example", "music.example", true],
  ["a b", "0.0.0.0", false]
])("Host %s on a server at %s: %s", (header, host, allowed) => {
  expect(hostAllowed(header, host)).toBe(allowed)
})
