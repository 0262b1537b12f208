import * as fc from "fast-check"
import { expect, it } from "vitest"
import { arbitraryEvent } from "./arbitraries.ts"
import { lakeColumnsOf } from "./columns.ts"
import { makeDecoder } from "./Decoder.ts"
import { lakeValues, rowAt, rowOrder, selectRows } from "./EventColumns.ts"
import { maxTimestamp } from "./fields.ts"

const encoder = new TextEncoder()

it("rows selected by index are the rows; ordered, they rise by (ts, offset)", () => {
  const decoder = makeDecoder("page_view_events")
  const times = fc.constantFrom(Date.UTC(2020, 0), Date.UTC(2021, 0), Date.UTC(2022, 0))
  const numbered = fc.array(fc.tuple(arbitraryEvent("page_view_events"), times), {
    minLength: 1,
    maxLength: 6
  })
  fc.assert(
    fc.property(numbered, fc.array(fc.nat()), (events, picks) => {
      events.forEach(([event, ts], i) =>
        decoder.decode(encoder.encode(JSON.stringify({ ...event, ts })), maxTimestamp, 7 + i)
      )
      const all = decoder.take()
      const rows = picks.map((n) => n % events.length)
      const some = selectRows(all, rows)
      expect(some.count).toBe(rows.length)
      rows.forEach((row, i) => {
        expect(rowAt(some, i)).toStrictEqual(rowAt(all, row))
        expect(some.offsets[i]).toBe(7 + row)
        expect(some.ts[i]).toBe(events[row][1])
      })

      const expected = events
        .map(([, ts], i) => ({ ts, offset: 7 + i }))
        .sort((a, b) => a.ts - b.ts || a.offset - b.offset)
      const ordered = selectRows(all, rowOrder(all))
      expect([...ordered.offsets]).toEqual(expected.map(({ offset }) => offset))

      const lake = lakeValues(ordered, 3)
      expect(lake.map(({ type }) => type)).toEqual(lakeColumnsOf("page_view_events").map(({ type }) => type))
      expect(lake.at(-2)?.values[0]).toBe(3)
      expect(lake.at(-1)?.values).toEqual(ordered.offsets)
    }),
    { numRuns: 60 }
  )
})
