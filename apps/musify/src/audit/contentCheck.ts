import type { EventColumn } from "@musify/domain/columns.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import { decodeEvent } from "@musify/domain/decodeEvent.ts"
import { parseValue } from "@musify/domain/parseValue.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Either } from "effect"
import { Buffer } from "node:buffer"

/** A record of the log as the audit needs it. */
export interface LogRecord {
  readonly value: Uint8Array | null
  /** Log time, epoch ms. */
  readonly time: number
}

/** A stored value as the audit reads it: times as epoch ms, integers as numbers. */
export type Stored = string | number | boolean | Uint8Array | null

/** Rows of a file by column, in offset order. */
export type StoredColumns = ReadonlyMap<string, ReadonlyArray<Stored>>

// What a record was decoded with is a setting of the ingestor: a stored row must decode, however large or early.
const generous = { maxBytes: Infinity, maxAheadMs: Infinity }

/** Whether a field of a record is stored as it stands, and is one that its column may hold without being changed. */
const storedAsItStands = ({ nullable, rule }: EventColumn, field: unknown, stored: Stored): boolean => {
  if (field === undefined || field === null) return nullable && stored === null
  if (field !== stored) return false
  switch (rule.kind) {
    case "integer":
      return Number.isInteger(field) && (field as number) >= rule.min && (field as number) <= rule.max
    case "float":
      return typeof field === "number" && field >= rule.min && field <= rule.max
    case "choice":
      return rule.values.includes(field as string)
    case "boolean":
      return typeof field === "boolean"
    case "userId":
      return Number.isSafeInteger(field)
    // Equal to a text that was read from UTF-8: no lone surrogate.
    case "text":
    case "zip":
      return typeof field === "string"
  }
}

/**
 * Compares rows with the records they were made from: answers the first difference. Fields that are stored as they stand
 * need no more than that; a record with any other field is decoded by its Schema and compared with what that makes of it.
 */
export const makeContentCheck = (
  topic: Topic
): ((
  offsets: ReadonlyArray<number>,
  columns: StoredColumns,
  records: ReadonlyMap<number, LogRecord>
) => string | undefined) => {
  const decode = decodeEvent(topic)
  const fields = columnsOf(topic)
  return (offsets, columns, records) => {
    const stored = fields.map(({ name }) => columns.get(name)!)
    for (let row = 0; row < offsets.length; row++) {
      const offset = offsets[row]
      const record = records.get(offset)
      if (record === undefined) return `offset ${offset} is not on the log`
      const { object } = parseValue(record.value, generous.maxBytes)
      if (
        object !== undefined &&
        fields.every((field, c) => storedAsItStands(field, object[field.name], stored[c][row]))
      )
        continue
      const event = decode(record.value, record.time, generous)
      if (Either.isLeft(event))
        return `offset ${offset} is malformed on the log: ${event.left.split("\n")[0]}`
      const wanted = event.right as unknown as Readonly<Record<string, Stored>>
      for (const [c, { name }] of fields.entries())
        if (wanted[name] !== stored[c][row])
          return `offset ${offset}, ${name}: the log says ${JSON.stringify(wanted[name])}, the file ${JSON.stringify(stored[c][row])}`
    }
    return undefined
  }
}

/** The first dead letter that does not hold its record's bytes. */
export const deadLettersDiffer = (
  offsets: ReadonlyArray<number>,
  columns: StoredColumns,
  records: ReadonlyMap<number, LogRecord>
): string | undefined => {
  const values = columns.get("value") as ReadonlyArray<Uint8Array | null>
  for (let row = 0; row < offsets.length; row++) {
    const record = records.get(offsets[row])
    if (record === undefined) return `offset ${offsets[row]} is not on the log`
    const value = values[row]
    const same =
      value === null || record.value === null
        ? value === record.value
        : Buffer.compare(value, record.value) === 0
    if (!same) return `offset ${offsets[row]} holds another value than the log`
  }
  return undefined
}
