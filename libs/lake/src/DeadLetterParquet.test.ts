import { Buffer } from "node:buffer"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { Effect } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type DeadLetter,
  deadLetterColumns,
  encodeDeadLetters,
  firstDeadLetterColumns
} from "./DeadLetterParquet.ts"
import type { ColumnValues } from "./columnValues.ts"
import type { FileIdentity } from "./FileIdentity.ts"
import { identityText } from "./FileIdentity.ts"
import { identityKey } from "./LakeParquet.ts"
import { makeMemoryObjectStore } from "./MemoryObjectStore.ts"
import { encodeParquet } from "./parquetFile.ts"
import type { Plan } from "./Plan.ts"
import { readDeadLetters } from "./readDeadLetters.ts"
import { verifyFile } from "./verifyFile.ts"

const identity: FileIdentity = {
  topic: "auth_events",
  partition: 3,
  start: 0,
  end: 100,
  rows: 1,
  hash: "h",
  version: 1
}
const name = "dead-letters/auth_events/year=2026/month=11/day=23/hour=16/3-0-7.parquet"
const read = (bytes: Uint8Array) =>
  Effect.runPromise(readDeadLetters(makeMemoryObjectStore(new Map([[name, bytes]])), name))

const bytes = fc.uint8Array({ maxLength: 20 })
const text = fc.fullUnicodeString({ maxLength: 10 }).map((value) => new TextEncoder().encode(value))

describe("dead letters", () => {
  it("come back as they were: key, value, headers, time and reason, to the bit", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            timestamp: fc.integer({ min: 0, max: 4e12 }),
            key: fc.option(bytes),
            value: fc.option(bytes),
            headers: fc.option(
              fc.array(fc.tuple(fc.fullUnicodeString({ maxLength: 5 }), fc.oneof(bytes, text)), {
                maxLength: 4
              })
            ),
            reason: fc.fullUnicodeString({ minLength: 1, maxLength: 20 })
          }),
          { minLength: 1, maxLength: 10 }
        ),
        async (records) => {
          const letters = records.map(({ headers, ...record }, i): DeadLetter => ({
            ...record,
            offset: 7 + i,
            headers: headers === null ? null : encodeHeaders(headers)
          }))
          const found = await read(encodeDeadLetters(identity, letters))
          expect(found.length).toBe(records.length)
          found.forEach(({ headers, key, value, ...rest }, i) => {
            const { headers: wanted, key: wantedKey, value: wantedValue, ...record } = records[i]
            expect(rest).toEqual({ ...record, topic: "auth_events", partition: 3, offset: 7 + i })
            const same = (a: Uint8Array | null, b: Uint8Array | null) =>
              a === null || b === null ? a === b : Buffer.compare(a, b) === 0
            expect([same(key, wantedKey), same(value, wantedValue)]).toEqual([true, true])
            expect(headers.map(([header]) => header)).toEqual((wanted ?? []).map(([header]) => header))
            headers.forEach(([, bytesOf], h) => expect(same(bytesOf, wanted![h][1])).toBe(true))
          })
        }
      ),
      { numRuns: 60 }
    ))

  it("of files of the first release, without headers, are read and verified as well", async () => {
    const letter: DeadLetter = {
      offset: 7,
      timestamp: 5,
      key: null,
      value: Buffer.from("x"),
      headers: null,
      reason: "invalid JSON"
    }
    const values: ReadonlyArray<ColumnValues> = [
      { type: "string", values: ["auth_events"] },
      { type: "int32", values: Int32Array.of(3), nulls: undefined },
      { type: "int64", values: Float64Array.of(7), nulls: undefined },
      { type: "timestamp", values: Float64Array.of(5), nulls: undefined },
      { type: "bytes", values: [null] },
      { type: "bytes", values: [Buffer.from("x")] },
      { type: "string", values: ["invalid JSON"] }
    ]
    const old = encodeParquet(
      deadLetterColumns
        .slice(0, firstDeadLetterColumns)
        .map((column, c) => ({ column, values: () => values[c] })),
      { [identityKey]: identityText(identity) }
    )
    expect(await read(old)).toMatchObject([
      { offset: 7, timestamp: 5, key: null, headers: [], reason: "invalid JSON" }
    ])
    const file = { path: name, rows: 1, hash: "h" }
    const plan = { ...identity, seq: 0, decoder: 1, files: [], deadLetters: [file] } as unknown as Plan
    const verify = (stored: Uint8Array) =>
      Effect.runPromise(
        Effect.either(verifyFile(makeMemoryObjectStore(new Map([[name, stored]])), plan, file))
      )
    expect(await verify(old)).toMatchObject({ _tag: "Right", right: [7] })
    expect(await verify(encodeDeadLetters(identity, [letter]))).toMatchObject({ _tag: "Right", right: [7] })
    const cut = encodeParquet(
      deadLetterColumns.slice(0, 6).map((column, c) => ({ column, values: () => values[c] })),
      { [identityKey]: identityText(identity) }
    )
    expect(await verify(cut)).toMatchObject({ _tag: "Left" })
  })
})
