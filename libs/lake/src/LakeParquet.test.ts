import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { arbitraryEvent, arbitraryMutant } from "@musify/domain/arbitraries.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import { decodeEvent } from "@musify/domain/decodeEvent.ts"
import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Effect, Either } from "effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FrozenBatch } from "./BatchBuilder.ts"
import { BatchBuilder } from "./BatchBuilder.ts"
import { makeMemoryObjectStore } from "./MemoryObjectStore.ts"
import { verifyFile } from "./verifyFile.ts"

const logTime = Date.UTC(2031, 0, 1)
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-parquet-"))
const duckdb = await (await DuckDBInstance.create(":memory:")).connect()
beforeAll(() => duckdb.run("SET TimeZone = 'UTC'"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const logBatch = (values: ReadonlyArray<Uint8Array | null>, firstOffset: number): LogBatch => ({
  count: values.length,
  keys: bytesColumn(values.map(() => null)),
  values: bytesColumn(values),
  offsets: Float64Array.from(values, (_, i) => firstOffset + i),
  timestamps: Float64Array.from(values, () => logTime)
})

/** Feeds the values to one micro-batch, in pieces of the given lengths. */
const freeze = (
  topic: Topic,
  values: ReadonlyArray<Uint8Array | null>,
  pieces: ReadonlyArray<number>
): FrozenBatch => {
  const builder = new BatchBuilder(topic, 3, 100, { rows: 1e9, bytes: 1e9, files: 1e9 })
  let at = 0
  for (const length of [...pieces, values.length]) {
    const piece = values.slice(at, at + length)
    if (piece.length > 0) builder.add(logBatch(piece, 100 + at), 0)
    at += piece.length
  }
  return builder.freeze(7, "test")
}

let written = 0

/** The rows of Parquet files as DuckDB reads them: times as epoch micros, texts as hex. */
const readByDuckDb = async (
  files: ReadonlyArray<Uint8Array>,
  select: string
): Promise<ReadonlyArray<Record<string, unknown>>> => {
  if (files.length === 0) return []
  const names = files.map((bytes) => {
    const name = path.join(scratch, `${written++}.parquet`)
    fs.writeFileSync(name, bytes)
    return `'${name}'`
  })
  const reader = await duckdb.runAndReadAll(
    `SELECT ${select} FROM read_parquet([${names.join(", ")}], hive_partitioning = false) ORDER BY _offset`
  )
  return reader.getRowObjects()
}

const selectOf = (topic: Topic): string =>
  [
    ...columnsOf(topic).map(({ name, type }) =>
      type === "timestamp"
        ? `epoch_us("${name}") AS "${name}"`
        : // As bytes: DuckDB's Node client drops a byte order mark at the start of a text.
          type === "string"
          ? `hex(encode("${name}")) AS "${name}"`
          : `"${name}"`
    ),
    "_partition",
    "_offset"
  ].join(", ")

const encoder = new TextEncoder()
const piecesArbitrary = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 })

describe("data files, read by DuckDB", () => {
  for (const topic of topics)
    it(`${topic}: every field, null and time comes back as the Schema decodes it`, async () => {
      const decode = decodeEvent(topic)
      const value = fc.oneof(
        arbitraryEvent(topic).map((event) => encoder.encode(JSON.stringify(event))),
        arbitraryMutant(topic)
      )
      await fc.assert(
        fc.asyncProperty(
          fc.array(value, { minLength: 1, maxLength: 25 }),
          piecesArbitrary,
          async (values, pieces) => {
            const frozen = freeze(topic, values, pieces)
            const isData = (file: { readonly path: string }) => file.path.startsWith("lake/")
            const rows = await readByDuckDb(
              frozen.files.filter(isData).map((file) => file.encode()),
              selectOf(topic)
            )
            const expected: Array<Record<string, unknown>> = []
            values.forEach((bytes, i) => {
              const decoded = decode(bytes, logTime)
              if (Either.isLeft(decoded)) return
              const event = decoded.right as unknown as Record<string, unknown>
              const row: Record<string, unknown> = {}
              for (const { name, type } of columnsOf(topic)) {
                const field = event[name]
                if (typeof field === "string") {
                  row[name] = Buffer.from(field).toString("hex").toUpperCase()
                  continue
                }
                const wide = type === "int64" || type === "timestamp"
                row[name] =
                  field !== null && wide
                    ? BigInt(field as number) * (type === "timestamp" ? 1000n : 1n)
                    : field
              }
              expected.push({ ...row, _partition: 3, _offset: BigInt(100 + i) })
            })
            expect(rows).toEqual(expected)
            const dead = await readByDuckDb(
              frozen.files.filter((file) => !isData(file)).map((file) => file.encode()),
              "_offset, value"
            )
            expect(dead.length + rows.length).toBe(values.length)
            for (const { _offset, value } of dead)
              expect([...(value as { bytes: Uint8Array }).bytes]).toEqual([...values[Number(_offset) - 100]])
          }
        ),
        { numRuns: 15 }
      )
    })

  it("gives the same plan and bytes however the log cuts its batches", () => {
    const value = arbitraryEvent("listen_events").map((event) => encoder.encode(JSON.stringify(event)))
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), piecesArbitrary, (values, pieces) => {
        const [a, b] = [freeze("listen_events", values, pieces), freeze("listen_events", values, [])]
        expect(a.plan).toEqual(b.plan)
        expect(a.files.map((file) => Buffer.from(file.encode()).toString("base64"))).toEqual(
          b.files.map((file) => Buffer.from(file.encode()).toString("base64"))
        )
      }),
      { numRuns: 30 }
    )
  })

  it("skips row groups by right statistics, also of texts and negative numbers", async () => {
    const song = (text: string, ts: number) =>
      encoder.encode(
        JSON.stringify({
          ts,
          sessionId: -5,
          itemInSession: -1,
          level: "free",
          auth: "Guest",
          artist: "x",
          song: text,
          duration: 1.5,
          lat: -3.25
        })
      )
    const texts = [
      "𝄞 beyond the plane",
      "\uffee half",
      "a",
      "a very long title of more than sixteen bytes",
      ""
    ]
    const [file] = freeze(
      "listen_events",
      texts.map((text, i) => song(text, logTime + i)),
      []
    ).files
    const name = path.join(scratch, "statistics.parquet")
    fs.writeFileSync(name, file.encode())
    for (const text of texts) {
      const found = await duckdb.runAndReadAll(
        `SELECT count(*) FROM '${name}' WHERE song = '${text}' AND lat = -3.25 AND "sessionId" = -5`
      )
      expect(found.getRows()).toEqual([[1n]])
    }
  })
})

describe("a damaged file", () => {
  const values = Array.from({ length: 50 }, (_, i) =>
    encoder.encode(
      JSON.stringify({
        ts: logTime - i * 1000,
        sessionId: i,
        itemInSession: i,
        level: "paid",
        success: i % 2 === 0
      })
    )
  )
  const { files, plan } = freeze("auth_events", [...values, encoder.encode("no JSON")], [])

  for (const [index, file] of files.entries()) {
    const bytes = file.encode()
    const verify = (stored: Uint8Array) => {
      const store = makeMemoryObjectStore(new Map([[file.path, stored]]))
      return Effect.runPromise(Effect.either(verifyFile(store, plan, file)))
    }
    it(`${index}: passes whole`, async () => {
      const offsets = Either.getOrThrow(await verify(bytes))
      expect(offsets.length).toBe(file.rows)
    })
    it(`${index}: is found after any flipped bit and any truncation, and named`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), fc.boolean(), async (at, bit, cut) => {
          const damaged = cut ? bytes.slice(0, at) : bytes.slice()
          if (!cut) damaged[at] ^= 1 << bit
          const outcome = await verify(damaged)
          expect(Either.isLeft(outcome) && outcome.left.message).toContain(file.path)
        }),
        { numRuns: 300 }
      )
    })
  }
})
