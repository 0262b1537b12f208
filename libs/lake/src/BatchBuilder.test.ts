import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BatchBuilder, gatheredBytes, rowsPerFile, scatteredFiles } from "./BatchBuilder.ts"

const encoder = new TextEncoder()
const firstHour = 500_000

/** Records of these event hours; negative ones are no events, of that log hour. */
const batchOf = (hours: ReadonlyArray<number>, firstOffset = 0): LogBatch => ({
  count: hours.length,
  keys: bytesColumn(hours.map(() => null)),
  values: bytesColumn(
    hours.map((hour) =>
      encoder.encode(
        hour < 0
          ? "no event"
          : JSON.stringify({
              ts: (firstHour + hour) * 3_600_000,
              sessionId: 1,
              itemInSession: 1,
              level: "free",
              success: true
            })
      )
    )
  ),
  offsets: Float64Array.from(hours, (_, i) => firstOffset + i),
  timestamps: Float64Array.from(hours, (hour) => (hour < 0 ? firstHour - hour : 2 * firstHour) * 3_600_000)
})

const builderOf = (files: number) => new BatchBuilder("auth_events", 0, 0, { rows: 1e6, bytes: 1e9, files })
const cycle = (count: number, hours: number) => Array.from({ length: count }, (_, i) => i % hours)

describe("files of a batch", () => {
  it("ends before one file too many when its files are filled", () => {
    const builder = builderOf(4)
    const hours = [...cycle(4 * rowsPerFile, 4), 4, 0]
    expect(builder.add(batchOf(hours), 0)).toBe(4 * rowsPerFile)
    expect(builder.freeze(0, "").files.length).toBe(4)
  })

  it("goes on while its files are nearly empty, so that hours that come again share a file", () => {
    const builder = builderOf(4)
    const hours = cycle(2000, 4 * scatteredFiles)
    expect(builder.add(batchOf(hours), 0)).toBe(2000)
    expect(builder.freeze(0, "").files.length).toBe(4 * scatteredFiles)
  })

  it("never has more than a bounded number, and ends for files only when they are filled or so many", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: -3, max: 60 }), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: 50 }),
        (limit, hours, piece) => {
          const builder = builderOf(limit)
          let taken = 0
          let isFull = false
          while (taken < hours.length && !isFull) {
            const part = hours.slice(taken, taken + piece)
            const count = builder.add(batchOf(part, taken), 0)
            taken += count
            isFull = count < part.length
          }
          const { files, records } = builder.freeze(0, "")
          expect(records).toBe(taken)
          expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(taken)
          expect(files.length).toBeLessThanOrEqual(limit * scatteredFiles)
          if (isFull)
            expect(
              files.length === limit * scatteredFiles ||
                (files.length >= limit && taken >= files.length * rowsPerFile)
            ).toBe(true)
        }
      )
    ))
})

it("says what it holds: at least the raw bytes, as was foretold but for the files", () => {
  const builder = builderOf(1000)
  const batch = batchOf(cycle(100, 10))
  const foretold = gatheredBytes(batch, 0)
  expect(foretold).toBeGreaterThan(batch.values.data.length)
  builder.add(batch, 0)
  const perFile = (builder.held - foretold) / 10
  expect(perFile).toBeGreaterThan(0)
  expect(gatheredBytes(batch, 99)).toBeLessThan(foretold / 90)
  expect(gatheredBytes(batch, 100)).toBe(0)
})
