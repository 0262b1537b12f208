import type { FileIdentity } from "./FileIdentity.ts"
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
  const data: Record<Name, Array<unknown>> = {
    topic: letters.map(() => identity.topic),
    _partition: letters.map(() => identity.partition),
    _offset: letters.map((letter) => BigInt(letter.offset)),
    timestamp: letters.map((letter) => BigInt(Math.floor(letter.timestamp)) * 1000n),
    key: letters.map((letter) => letter.key),
    value: letters.map((letter) => letter.value),
    reason: letters.map((letter) => letter.reason)
  }
  return encodeParquet(
    deadLetterColumns.map((column) => ({ column, data: data[column.name] })),
    { [identityKey]: identityText(identity) }
  )
}
