import { bytesAt, type LogBatch } from "@musify/domain/RecordBatch.ts"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import { beforeAll, describe, expect, it } from "vitest"
import { type FailedTransaction, fetchFrom, storedBatch } from "../testing/fakePartition.ts"
import { loadCompression } from "./compression.ts"
import { kafkaCompressions } from "./KafkaSettings.ts"
import { Lane } from "./Lane.ts"

beforeAll(() => loadCompression("zstd"))

interface Found {
  readonly offset: number
  readonly value: string
}

const found = (batch: LogBatch): ReadonlyArray<Found> =>
  Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i],
    value: Buffer.from(bytesAt(batch.values, i)!).toString()
  }))

const part = fc.record({
  count: fc.integer({ min: 1, max: 6 }),
  size: fc.constantFrom(0, 3, 40, 300),
  compression: fc.constantFrom(...kafkaCompressions),
  gone: fc.constantFrom(0, 0, 3),
  hole: fc.constantFrom(0, 0, 5),
  transaction: fc.constantFrom("none", "none", "commit", "abort")
})
type Part = typeof part extends fc.Arbitrary<infer A> ? A : never

/** A partition's batches, and the records that readers may see. */
const build = (parts: ReadonlyArray<Part>) => {
  const batches: Array<Buffer> = []
  const visible: Array<Found> = []
  const aborted: Array<FailedTransaction> = []
  let offset = 0
  parts.forEach(({ compression, count, gone, hole, size, transaction }, p) => {
    offset += hole
    const values = Array.from({ length: count }, (_, i) => `${offset + i}`.padEnd(size, "."))
    const transactionOf = transaction === "none" ? {} : { transactionOf: p % 3 }
    batches.push(storedBatch(offset, values, { compression, gone, ...transactionOf }))
    if (transaction === "abort")
      aborted.push({ producerId: p % 3, firstOffset: offset, marker: offset + count + gone })
    else visible.push(...values.map((value, i) => ({ offset: offset + i, value })))
    offset += count + gone
    if (transaction !== "none") {
      batches.push(
        storedBatch(offset, ["marker"], {
          ...transactionOf,
          marks: transaction === "abort" ? "abort" : "commit"
        })
      )
      offset++
    }
  })
  return { batches, visible, aborted, end: offset }
}

const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("fetch"), bytes: fc.constantFrom(100, 700, 5000) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("take"), bytes: fc.constantFrom(1, 50, 400, 9000) })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("late answer"), bytes: fc.constant(5000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("go"), bytes: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("take over"), bytes: fc.constant(0) }) }
)

describe("a lane", () => {
  it("gives every visible record from its place on, once and in order, whatever is asked, answered late or moved", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.array(act, { maxLength: 40 }), (parts, acts) => {
        const { aborted, batches, end, visible } = build(parts)
        let lane = new Lane("t", 0)
        lane.moveTo(0, undefined)
        let at = 0
        let before = 0
        const fetch = (bytes: number, offset = lane.next) =>
          lane.offer(fetchFrom(batches, offset, bytes, aborted), offset)
        const check = (bytes: number) => {
          const taken = lane.take(at, bytes)
          const expected = visible.filter(({ offset }) => offset >= at)
          if (typeof taken === "string") {
            expect(["end", "wait"]).toContain(taken)
            if (taken === "end") expect(expected).toEqual([])
            return false
          }
          const records = found(taken)
          expect(records.length).toBeGreaterThan(0)
          expect(records).toEqual(expected.slice(0, records.length))
          const size = taken.values.data.length + taken.keys.data.length
          expect(records.length === 1 || size <= bytes).toBe(true)
          at = records[records.length - 1].offset + 1
          return true
        }
        for (const { bytes, kind } of acts) {
          if (kind === "fetch") fetch(bytes)
          else if (kind === "take") check(bytes)
          // An answer to the question that was under way when the lane moved.
          else if (kind === "late answer" && lane.next !== before) fetch(bytes, before)
          else if (kind === "go") {
            before = lane.next
            at = Math.min(bytes, end)
            lane.moveTo(at, undefined)
          } else if (kind === "take over") {
            const other = new Lane("t", 0)
            other.takeOver(lane)
            expect(lane.positioned).toBe(false)
            lane = other
          }
          expect(lane.bytes).toBeGreaterThanOrEqual(0)
        }
        // It always comes to the end.
        while (lane.next < end) {
          fetch(700)
          while (check(500));
        }
        while (check(500));
        fetch(700)
        expect(lane.take(at, 1)).toBe("end")
        expect(visible.filter(({ offset }) => offset >= at)).toEqual([])
        expect(lane.bytes).toBe(0)
      }),
      { numRuns: 200 }
    )
  })

  it("uses the memory of batches again that were released, and of no others", () => {
    const large = fc.record({
      count: fc.integer({ min: 1, max: 6 }),
      size: fc.integer({ min: 10_000, max: 40_000 }),
      compression: fc.constantFrom<Array<Part["compression"]>>("none", "none", "gzip"),
      gone: fc.constant(0),
      hole: fc.constant(0),
      transaction: fc.constantFrom("none", "none", "none", "abort")
    })
    const read = fc.record({
      fetched: fc.integer({ min: 100_000, max: 400_000 }),
      bytes: fc.constantFrom(1, 50_000, 1_000_000),
      release: fc.boolean(),
      skip: fc.constantFrom(0, 0, 1)
    })
    let reused = 0
    fc.assert(
      fc.property(
        fc.array(large, { minLength: 4, maxLength: 20 }),
        fc.array(read, { minLength: 1, maxLength: 12 }),
        (parts, reads) => {
          const { aborted, batches, end, visible } = build(parts)
          const lane = new Lane("t", 0)
          lane.moveTo(0, undefined)
          const kept: Array<{ batch: LogBatch; records: ReadonlyArray<Found> }> = []
          const released = new Set<ArrayBufferLike>()
          let at = 0
          for (let n = 0; ; n++) {
            const { bytes, fetched, release, skip } = reads[n % reads.length]
            const taken = lane.take(at, bytes)
            if (taken === "end") break
            if (taken === "elsewhere") throw new Error("It does not cover what was asked for.")
            if (taken === "wait") {
              lane.offer(fetchFrom(batches, lane.next, fetched, aborted), lane.next)
              continue
            }
            const records = found(taken)
            expect(records).toEqual(visible.filter(({ offset }) => offset >= at).slice(0, records.length))
            at = Math.min(end, records[records.length - 1].offset + 1 + skip)
            at = Math.min(at, lane.next)
            if (released.has(taken.values.data.buffer)) reused++
            if (release) {
              // A second time it has no effect: the memory may be another's by then.
              for (let times = 0; times < 2; times++) taken.release?.()
              released.add(taken.values.data.buffer)
            } else kept.push({ batch: taken, records })
          }
          for (const { batch, records } of kept) expect(found(batch)).toEqual(records)
        }
      ),
      { numRuns: 60 }
    )
    expect(reused).toBeGreaterThan(0)
  })

  it("knows what it does not cover", () => {
    const lane = new Lane("t", 0)
    expect(lane.take(0, 1)).toBe("elsewhere")
    lane.moveTo(5, "id")
    expect(lane.take(4, 1)).toBe("elsewhere")
    expect(lane.take(6, 1)).toBe("elsewhere")
    expect(lane.take(5, 1)).toBe("wait")
    lane.reset()
    expect(lane.take(5, 1)).toBe("elsewhere")
  })

  it("refuses records of before Kafka 0.11", () => {
    const batch = storedBatch(0, ["old"])
    batch[16] = 1
    const lane = new Lane("t", 0)
    lane.moveTo(0, undefined)
    expect(() => lane.offer(fetchFrom([batch], 0, 1000), 0)).toThrow("format 1 of before 2017")
  })
})
