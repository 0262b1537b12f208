import { bytesColumn, type LogBatch } from "@musify/domain/RecordBatch.ts"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import fc from "fast-check"
import { expect, it } from "vitest"
import { findLastNumber, numberHeader, seriesHeader } from "./series.ts"

const encoder = new TextEncoder()

/** Who wrote each record; the numbers of a series count up. */
const logOf = (writers: ReadonlyArray<string>) => {
  const numbers = new Map<string, number>()
  return writers.map((writer) => {
    const number = numbers.get(writer) ?? 0
    numbers.set(writer, number + 1)
    if (writer === "") return new Uint8Array(0)
    return encodeHeaders([
      ["trace", encoder.encode("x")],
      [seriesHeader, encoder.encode(writer)],
      [numberHeader, encoder.encode(String(number))]
    ])
  })
}

it("finds the last record of a series among others, wherever it is", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("mine", "other", "", "", ""), { maxLength: 400 }),
      fc.nat(400),
      fc.nat(5),
      async (writers, from, holes) => {
        const headers = logOf(writers)
        const start = Math.min(from, writers.length)
        const read = (offset: number): Promise<LogBatch> => {
          const first = Math.max(offset, start)
          const part = headers.slice(first, first + 7)
          return Promise.resolve({
            count: part.length,
            offsets: Float64Array.from(part, (_, i) => first + i),
            timestamps: new Float64Array(part.length),
            keys: bytesColumn(part.map(() => null)),
            values: bytesColumn(part.map(() => null)),
            ...(holes === 0 ? {} : { headers: bytesColumn(part) })
          })
        }
        const mine = writers.flatMap((writer, offset) => (writer === "mine" ? [offset] : []))
        const expected = holes === 0 || !mine.some((offset) => offset >= start) ? undefined : mine.length - 1
        expect(await findLastNumber("mine", { start, end: writers.length }, read)).toBe(expected)
      }
    )
  )
})
