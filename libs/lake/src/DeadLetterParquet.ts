import type { FileIdentity } from "./FileIdentity.ts"
import type { ColumnValues } from "./columnValues.ts"
import { identityText } from "./FileIdentity.ts"
import { identityKey } from "./LakeParquet.ts"
import type { FileColumn } from "./parquetFile.ts"
import { encodeParquet } from "./parquetFile.ts"

/** A record that could not be decoded, as the log had it. */
export interface DeadLetter {
  readonly offset: number
  /** Log time, epoch ms. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly reason: string
}

type Name = "topic" | "_partition" | "_offset" | "timestamp" | "key" | "value" | "reason"

/** The columns of dead-letter files; key and value are bytes. */
export const deadLetterColumns: ReadonlyArray<FileColumn & { readonly name: Name }> = [
  { name: "topic", type: "string", nullable: false, description: "Topic of the record" },
  { name: "_partition", type: "int32", nullable: false, description: "Partition of the log" },
  { name: "_offset", type: "int64", nullable: false, description: "Offset in the partition" },
  { name: "timestamp", type: "timestamp", nullable: false, description: "Log time" },
  { name: "key", type: "bytes", nullable: true, description: "Key as the producer sent it" },
  { name: "value", type: "bytes", nullable: true, description: "Value as the producer sent it" },
  { name: "reason", type: "string", nullable: false, description: "Why it could not be decoded" }
]

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
    reason: { type: "string", values: letters.map(({ reason }) => reason) }
  }
  return encodeParquet(
    deadLetterColumns.map((column) => ({ column, values: () => values[column.name] })),
    { [identityKey]: identityText(identity) }
  )
}
