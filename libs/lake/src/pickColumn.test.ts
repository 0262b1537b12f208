import { arbitraryEvent } from "@musify/domain/arbitraries.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import { defaultDecoderOptions } from "@musify/domain/Decoder.ts"
import type { EventColumns } from "@musify/domain/EventColumns.ts"
import { valueAt } from "@musify/domain/EventColumns.ts"
import { maxTimestamp } from "@musify/domain/fields.ts"
import { makePlainDecoder } from "@musify/domain/PlainDecoder.ts"
import { makeScanningDecoder } from "@musify/domain/scanner/ScanningDecoder.ts"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import type { ColumnValues } from "./columnValues.ts"
import { pickColumn, pickOffsets } from "./pickColumn.ts"
import { RowRuns } from "./RowRuns.ts"

const topic = "page_view_events"
const encoder = new TextEncoder()
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** What a column to be written holds, value by value. */
const listOf = (column: ColumnValues): ReadonlyArray<unknown> => {
  if (column.type === "bytes") return column.values
  if (column.type === "string") {
    if (column.codes === undefined) return column.values
    const texts: Array<string | null> = [null]
    const view = new DataView(column.texts.buffer, column.texts.byteOffset)
    for (let at = 0; at < column.texts.length;) {
      const end = at + 4 + view.getInt32(at, true)
      texts.push(utf8.decode(column.texts.subarray(at + 4, end)))
      at = end
    }
    expect(texts.length - 1).toBe(column.size)
    // Each is used, and there once.
    expect(new Set(texts).size).toBe(texts.length)
    expect(new Set(column.codes).size - (column.codes.includes(0) ? 1 : 0)).toBe(column.size)
    return Array.from(column.codes, (code) => texts[code])
  }
  if (column.codes !== undefined)
    return Array.from(column.codes, (code) => (code === 0 ? null : column.numbers[code - 1]))
  const { nulls, type, values } = column
  return Array.from(values, (value, i) =>
    nulls?.[i] === 1 ? null : type === "boolean" ? value === 1 : value
  )
}

it("picks the rows of runs, in order or in another one, whatever dictionaries the chunks have", () => {
  const pool = fc.sample(arbitraryEvent(topic), { numRuns: 30, seed: 11 })
  const makers = {
    plain: () => makePlainDecoder(topic, defaultDecoderOptions),
    scanning: () => makeScanningDecoder(topic, defaultDecoderOptions),
    full: () => makeScanningDecoder(topic, defaultDecoderOptions, { texts: 4, bytes: 50, renewalRows: 40 })
  }
  fc.assert(
    fc.property(
      fc.constantFrom<keyof typeof makers>("plain", "scanning", "full"),
      fc.array(fc.array(fc.nat(29), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(8)), { minLength: 1, maxLength: 8 }),
      fc.option(fc.infiniteStream(fc.nat()), { nil: undefined }),
      (kind, chunkEvents, wanted, shuffle) => {
        const decoder = makers[kind]()
        const chunks: ReadonlyArray<EventColumns> = chunkEvents.map((events) => {
          events.forEach((n, i) => decoder.decode(encoder.encode(JSON.stringify(pool[n])), maxTimestamp, i))
          return decoder.take()
        })
        const runs = new RowRuns()
        const rows: Array<readonly [EventColumns, number]> = []
        for (const [chunk, from, length] of wanted) {
          const c = chunk % chunks.length
          const first = from % chunks[c].count
          const end = Math.min(chunks[c].count, first + 1 + length)
          runs.add(c, first, end)
          for (let row = first; row < end; row++) rows.push([chunks[c], row])
        }
        expect(runs.count).toBe(rows.length)
        const keys = shuffle === undefined ? undefined : rows.map(() => shuffle.next().value as number)
        const order =
          keys === undefined
            ? undefined
            : Uint32Array.from(rows, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b)
        const picked = { chunks, runs, order }
        const expected = order === undefined ? rows : Array.from(order, (i) => rows[i])
        columnsOf(topic).forEach((_, c) => {
          expect(listOf(pickColumn(c, picked))).toEqual(
            expected.map(([chunk, row]) => valueAt(chunk.values[c], row))
          )
        })
        expect([...pickOffsets(picked)]).toEqual(expected.map(([chunk, row]) => chunk.offsets[row]))
      }
    ),
    { numRuns: 300 }
  )
})
