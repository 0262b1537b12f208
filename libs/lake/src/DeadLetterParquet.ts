import { Buffer } from "node:buffer"
import { decodeHeaders, type RecordHeaders } from "@musify/domain/recordHeaders.ts"
import { Either, Schema } from "effect"
import type { FileIdentity } from "./FileIdentity.ts"
import type { ColumnValues } from "./columnValues.ts"
import { identityText } from "./FileIdentity.ts"
import { identityKey } from "./LakeParquet.ts"
import type { FileColumn } from "./FileColumn.ts"
import { encodeParquet } from "./parquetFile.ts"

/** A record that could not be decoded, as the log had it. */
export interface DeadLetter {
  readonly offset: number
  /** Log time, epoch ms. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Headers as `encodeHeaders` makes them; null when the record had none. */
  readonly headers: Uint8Array | null
  readonly reason: string
}

type Name = "topic" | "_partition" | "_offset" | "timestamp" | "key" | "value" | "reason" | "headers"

/**
 * The columns of dead-letter files; key and value are bytes. Files of older releases end before `headers`: read many
 * with DuckDB's `union_by_name = true`.
 */
export const deadLetterColumns: ReadonlyArray<FileColumn & { readonly name: Name }> = [
  { name: "topic", type: "string", nullable: false, description: "Topic of the record" },
  { name: "_partition", type: "int32", nullable: false, description: "Partition of the log" },
  { name: "_offset", type: "int64", nullable: false, description: "Offset in the partition" },
  { name: "timestamp", type: "timestamp", nullable: false, description: "Log time" },
  { name: "key", type: "bytes", nullable: true, description: "Key as the producer sent it" },
  { name: "value", type: "bytes", nullable: true, description: "Value as the producer sent it" },
  { name: "reason", type: "string", nullable: false, description: "Why it could not be decoded" },
  { name: "headers", type: "string", nullable: true, description: "Headers, as JSON" }
]

/** How many columns a dead-letter file of the first release has. */
export const firstDeadLetterColumns = 7

const HeadersJson = Schema.parseJson(
  Schema.Array(
    Schema.Union(
      Schema.Struct({ name: Schema.String, value: Schema.String }),
      Schema.Struct({ name: Schema.String, base64: Schema.String })
    )
  )
)
const encodeHeadersJson = Schema.encodeSync(HeadersJson)
const decodeHeadersJson = Schema.decodeUnknownEither(HeadersJson)

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of UTF-8 bytes, or undefined. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** Headers as people read them: `[{"name":"trace","value":"a1"},{"name":"raw","base64":"//79"}]`; base64 if not UTF-8. */
export const headersText = (headers: RecordHeaders): string =>
  encodeHeadersJson(
    headers.map(([name, bytes]) => {
      const value = textOf(bytes)
      return value === undefined ? { name, base64: Buffer.from(bytes).toString("base64") } : { name, value }
    })
  )

/** The headers that `headersText` made this text of; undefined for another text. */
export const headersOfText = (text: string): RecordHeaders | undefined =>
  Either.match(decodeHeadersJson(text), {
    onLeft: () => undefined,
    onRight: (list) =>
      list.map((header) => [
        header.name,
        "value" in header ? Buffer.from(header.value) : Buffer.from(header.base64, "base64")
      ])
  })

/** The bytes of a dead-letter file, in offset order. */
export const encodeDeadLetters = (identity: FileIdentity, letters: ReadonlyArray<DeadLetter>): Uint8Array => {
  const values: Record<Name, ColumnValues> = {
    topic: { type: "string", values: letters.map(() => identity.topic) },
    _partition: {
      type: "int32",
      values: new Int32Array(letters.length).fill(identity.partition),
      nulls: undefined
    },
    _offset: { type: "int64", values: Float64Array.from(letters, ({ offset }) => offset), nulls: undefined },
    timestamp: {
      type: "timestamp",
      values: Float64Array.from(letters, ({ timestamp }) => Math.floor(timestamp)),
      nulls: undefined
    },
    key: { type: "bytes", values: letters.map(({ key }) => key) },
    value: { type: "bytes", values: letters.map(({ value }) => value) },
    reason: { type: "string", values: letters.map(({ reason }) => reason) },
    headers: {
      type: "string",
      values: letters.map(({ headers }) => (headers === null ? null : headersText(decodeHeaders(headers))))
    }
  }
  return encodeParquet(
    deadLetterColumns.map((column) => ({ column, values: () => values[column.name] })),
    { [identityKey]: identityText(identity) }
  )
}
