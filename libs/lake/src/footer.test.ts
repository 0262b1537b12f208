import { Buffer } from "node:buffer"
import * as fc from "fast-check"
import type { FileMetaData } from "hyparquet"
import { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import { writeMetadata } from "hyparquet-writer/src/metadata.js"
import { expect, it } from "vitest"
import { schemaElement, type FileColumn } from "./FileColumn.ts"
import { writeFooter, type WrittenColumn, type WrittenEncoding } from "./footer.ts"
import { Page } from "./Page.ts"
import { writeDataPageHeader, writeDictionaryPageHeader } from "./pageHeaders.ts"

const encoding = fc.constantFrom<WrittenEncoding>("PLAIN", "DELTA_BINARY_PACKED", "RLE_DICTIONARY")
const int32 = fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1))
const size = fc.oneof(fc.nat(300), fc.nat(Number.MAX_SAFE_INTEGER))

const type = fc.constantFrom<FileColumn["type"]>(
  "timestamp",
  "int64",
  "int32",
  "float64",
  "string",
  "boolean",
  "bytes"
)

/** Texts of which many have no next character that fits, and bytes of which many are the greatest. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom("a", "\u007f", "\u07ff", "\ud7ff", "\uffff", "\u{10ffff}"),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 })
    ),
    maxLength: 24,
    size: "max"
  })
  .map((one) => new Uint8Array(Buffer.from(one)))
const bytes = fc
  .array(fc.oneof(fc.constant(255), fc.nat(255)), { maxLength: 24, size: "max" })
  .map((all) => Uint8Array.from(all))

const bound = (of: FileColumn["type"]): fc.Arbitrary<Uint8Array> => {
  if (of === "string") return text
  if (of === "bytes") return bytes
  const length = of === "boolean" ? 1 : of === "int32" ? 4 : 8
  return fc.uint8Array({ minLength: length, maxLength: length, max: of === "boolean" ? 1 : 255 })
}

const column = fc
  .tuple(type, fc.boolean(), fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }))
  .map(([type, nullable, name]): FileColumn => ({ name, type, nullable, description: "" }))

const chunk = (of: FileColumn): fc.Arbitrary<WrittenColumn> =>
  fc
    .record({
      encoding,
      rows: size,
      start: size,
      dictionary: fc.nat(1000),
      compressed: int32,
      uncompressed: int32,
      nullCount: size,
      bounds: fc.option(fc.tuple(bound(of.type), bound(of.type)), { nil: undefined })
    })
    .map(({ bounds, dictionary, nullCount, start, ...rest }) => ({
      ...rest,
      column: of,
      start,
      dataPage: start + dictionary,
      statistics: bounds === undefined ? { nullCount } : { nullCount, min: bounds[0], max: bounds[1] }
    }))

/** A bound as hyparquet-writer takes it. */
const richBound = (type: FileColumn["type"], bound: Uint8Array | undefined) => {
  if (bound === undefined || type === "string" || type === "bytes") return bound
  const view = new DataView(bound.buffer, bound.byteOffset)
  if (type === "boolean") return view.getUint8(0) === 1
  if (type === "int32") return view.getInt32(0, true)
  return type === "float64" ? view.getFloat64(0, true) : view.getBigInt64(0, true)
}

const richColumn = ({ column, dataPage, encoding, rows, start, statistics, ...sizes }: WrittenColumn) => ({
  file_offset: BigInt(start),
  meta_data: {
    type: schemaElement(column).type,
    encodings: encoding === "PLAIN" ? ["PLAIN"] : ["PLAIN", encoding],
    path_in_schema: [column.name],
    codec: "SNAPPY",
    num_values: BigInt(rows),
    total_compressed_size: BigInt(sizes.compressed),
    total_uncompressed_size: BigInt(sizes.uncompressed),
    data_page_offset: BigInt(dataPage),
    dictionary_page_offset: dataPage > start ? BigInt(start) : undefined,
    statistics: {
      null_count: BigInt(statistics.nullCount),
      min_value: richBound(column.type, statistics.min),
      max_value: richBound(column.type, statistics.max)
    }
  }
})

const sum = (all: ReadonlyArray<number>) => all.reduce((a, b) => a + b, 0)

const file = fc
  .uniqueArray(column, { minLength: 1, maxLength: 20, selector: ({ name }) => name })
  .chain((columns) =>
    fc.record({
      columns: fc.constant(columns),
      groups: fc.array(fc.record({ columns: fc.tuple(...columns.map(chunk)), rows: fc.nat() }), {
        minLength: 1,
        maxLength: 3
      }),
      metadata: fc.dictionary(fc.string(), fc.string(), { minKeys: 1, noNullPrototype: true })
    })
  )

it("writes footers as hyparquet-writer does, byte for byte", () =>
  fc.assert(
    fc.property(file, ({ columns, groups, metadata }) => {
      const page = new Page()
      writeFooter(page, columns, groups, metadata)
      const writer = new ByteWriter()
      writeMetadata(writer, {
        version: 2,
        created_by: "musify",
        schema: [{ name: "schema", num_children: columns.length }, ...columns.map(schemaElement)],
        num_rows: BigInt(sum(groups.map(({ rows }) => rows))),
        row_groups: groups.map(({ columns, rows }) => ({
          columns: columns.map(richColumn),
          num_rows: BigInt(rows),
          total_byte_size: BigInt(sum(columns.map(({ uncompressed }) => uncompressed))),
          total_compressed_size: BigInt(sum(columns.map(({ compressed }) => compressed)))
        })),
        key_value_metadata: Object.entries(metadata).map(([key, value]) => ({ key, value }))
      } as unknown as FileMetaData)
      writer.appendUint32(0x31524150)
      expect(Buffer.from(page.written).toString("hex")).toBe(Buffer.from(writer.getBytes()).toString("hex"))
    }),
    { numRuns: 500 }
  ))

it("writes headers of pages as hyparquet-writer does, byte for byte", () =>
  fc.assert(
    fc.property(
      fc.tuple(int32, int32, int32, int32),
      fc.nat(2 ** 30),
      encoding,
      fc.boolean(),
      ([rows, nullCount, uncompressed, compressed], levels, encoding, isCompressed) => {
        fc.pre(levels + Math.max(uncompressed, compressed) < 2 ** 31)
        const page = new Page()
        writeDictionaryPageHeader(page, uncompressed, compressed, rows)
        writeDataPageHeader(page, {
          rows,
          nullCount,
          encoding,
          levels,
          uncompressed,
          compressed,
          isCompressed
        })
        const writer = new ByteWriter()
        writePageHeader(writer, {
          type: "DICTIONARY_PAGE",
          uncompressed_page_size: uncompressed,
          compressed_page_size: compressed,
          dictionary_page_header: { num_values: rows, encoding: "PLAIN" }
        })
        writePageHeader(writer, {
          type: "DATA_PAGE_V2",
          uncompressed_page_size: levels + uncompressed,
          compressed_page_size: levels + compressed,
          data_page_header_v2: {
            num_values: rows,
            num_nulls: nullCount,
            num_rows: rows,
            encoding,
            definition_levels_byte_length: levels,
            repetition_levels_byte_length: 0,
            is_compressed: isCompressed
          }
        })
        expect(page.written).toEqual(writer.getBytes())
      }
    )
  ))
