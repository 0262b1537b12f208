import { bytesAt, bytesColumn, type LogBatch, type RecordBatch } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders, encodeHeaders, type RecordHeaders } from "@musify/domain/recordHeaders.ts"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import { beforeAll, describe, expect, it } from "vitest"
import { loadCompression } from "./compression.ts"
import { crc32c } from "./crc32c.ts"
import { decodeRecords, recordSection } from "./decodeRecords.ts"
import { encodeRecords } from "./encodeRecords.ts"
import { kafkaCompressions } from "./KafkaSettings.ts"
import { attributesAt, crcAt } from "./recordBatchHeader.ts"

beforeAll(() => loadCompression("zstd"))

interface Plain {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: RecordHeaders
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const plain: fc.Arbitrary<Plain> = fc.record({
  key: fc.option(bytes(40)),
  value: fc.option(fc.oneof(bytes(300), bytes(3))),
  headers: fc.oneof(
    fc.constant([]),
    fc.array(fc.tuple(fc.fullUnicodeString({ maxLength: 20 }), bytes(90)), { maxLength: 3 })
  )
})

const batchOf = (records: ReadonlyArray<Plain>, withHeaders: boolean): RecordBatch => ({
  count: records.length,
  keys: bytesColumn(records.map(({ key }) => key)),
  values: bytesColumn(records.map(({ value }) => value)),
  ...(withHeaders ? { headers: bytesColumn(records.map(({ headers }) => encodeHeaders(headers))) } : {})
})

/** As a plain array of bytes, whatever it is a view of. */
const copyOf = (value: Uint8Array | null) => (value === null ? null : Uint8Array.from(value))

const plainOf = (batch: LogBatch) =>
  Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i],
    timestamp: batch.timestamps[i],
    key: copyOf(bytesAt(batch.keys, i)),
    value: copyOf(bytesAt(batch.values, i)),
    headers:
      batch.headers === undefined
        ? []
        : decodeHeaders(bytesAt(batch.headers, i)!).map(([name, value]) => [name, copyOf(value)])
  }))

const sequence = { producerId: 7, producerEpoch: 1, first: 5 }

describe("record batches", () => {
  it("hold what was put into them, from any offset on, in place or not", () => {
    fc.assert(
      fc.property(
        fc.array(plain, { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        fc.constantFrom(...kafkaCompressions),
        fc.nat(2 ** 41),
        fc.nat(40),
        fc.boolean(),
        (records, withHeaders, compression, time, skip, inPlace) => {
          const half = records.length >>> 1
          const batch = batchOf(records, withHeaders)
          const packed = [
            ...(half > 0 ? [encodeRecords(batch, 0, half, time, compression, sequence)] : []),
            encodeRecords(batch, half, records.length, time, compression, sequence)
          ]
          // The broker gives the offsets.
          packed[packed.length - 1].writeBigInt64BE(BigInt(1000 + half), 0)
          if (half > 0) packed[0].writeBigInt64BE(1000n, 0)
          const together = Buffer.concat(packed)
          const [first] = packed
          const sections = packed.map((one, i) =>
            recordSection(
              i === 0 ? together.subarray(0, first.length) : together.subarray(together.length - one.length)
            )
          )
          const size = sections.reduce((sum, section) => sum + section.bytes.length, 0)
          const target = inPlace && compression === "none" ? together : Buffer.alloc(size)
          const found = plainOf(decodeRecords(sections, 1000 + skip, target))
          const expected = records.map(({ headers, key, value }, i) => ({
            offset: 1000 + i,
            timestamp: time,
            key,
            value,
            headers: withHeaders ? headers : []
          }))
          expect(found).toEqual(expected.slice(skip))
        }
      )
    )
  })

  it("carry the checksum that Kafka asks for", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283)
    fc.assert(
      fc.property(bytes(100), fc.nat(10), (data, from) => {
        let crc = -1
        for (const byte of data.subarray(from)) {
          crc ^= byte
          for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
        }
        expect(crc32c(data, Math.min(from, data.length))).toBe(~crc >>> 0)
      })
    )
    const batch = encodeRecords(
      batchOf([{ key: null, value: null, headers: [] }], false),
      0,
      1,
      1,
      "none",
      sequence
    )
    expect(batch.readUInt32BE(crcAt)).toBe(crc32c(batch, attributesAt))
    expect(batch.readInt32BE(8)).toBe(batch.length - 12)
  })

  it("are refused when they are no records", () => {
    const batch = encodeRecords(
      batchOf([{ key: null, value: Buffer.from("abc"), headers: [] }], false),
      0,
      1,
      1,
      "none",
      sequence
    )
    const section = recordSection(batch)
    for (const damage of [
      (data: Buffer) => data.writeUInt8(200, 0),
      (data: Buffer) => data.writeUInt8(4, 0)
    ]) {
      const data = Buffer.from(section.bytes)
      damage(data)
      expect(() => decodeRecords([{ ...section, bytes: data }], 0, Buffer.alloc(100))).toThrow(RangeError)
    }
  })
})
