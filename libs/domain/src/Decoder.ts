import { columnBuilder } from "./columnBuilders.ts"
import { columnsOf } from "./columns.ts"
import { dayMs } from "./Hour.ts"
import type { EventColumns } from "./EventColumns.ts"
import type { Topic } from "./Topic.ts"

/**
 * Version of what the decoder accepts and makes of it. A plan names it, so a change of any answer (not of speed) must
 * raise it.
 */
export const decoderVersion = 1

/** What is accepted beyond the Schema. */
export interface DecoderOptions {
  /** Longest value, bytes. */
  readonly maxBytes: number
  /** How far `ts` may lie past the record's log time, ms. The log time, not the clock: a second reading answers the same. */
  readonly maxAheadMs: number
}

export const defaultDecoderOptions: DecoderOptions = { maxBytes: 1024 * 1024, maxAheadMs: dayMs }

/** Decodes the values of one topic into columns: the hot path. Not shared between fibers. */
export interface Decoder {
  readonly topic: Topic
  /** Rows since the last `take`. */
  readonly count: number
  /**
   * Decodes a record's value and appends a row. Answers undefined, or the reason why the record is a dead letter; then
   * nothing was appended. Reasons are the same on every engine and every reading. `logTime`: epoch ms.
   */
  decode(value: Uint8Array | null, logTime: number, offset: number): string | undefined
  /** The rows so far; the decoder is then empty. */
  take(): EventColumns
}

/** The text of UTF-8 bytes; throws on invalid ones. A byte order mark stays, and is then no JSON. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** A value's text: `reason` or `object` is set. */
export type Parsed =
  | { readonly object: Record<string, unknown>; readonly reason?: undefined }
  | { readonly object?: undefined; readonly reason: string }

/** Bytes to a JSON object, by the rules that come before any field: what the Schema decoder is given. */
export const parseValue = (value: Uint8Array | null, maxBytes: number): Parsed => {
  if (value === null) return { reason: "null value" }
  if (value.length > maxBytes) return { reason: `too large: ${value.length} bytes, at most ${maxBytes}` }
  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    return { reason: "invalid UTF-8" }
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { reason: "invalid JSON" }
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return { reason: "not an object" }
  return { object: json as Record<string, unknown> }
}

/** A decoder of one topic, derived from the columns of its Schema. */
export const makeDecoder = (topic: Topic, options: Partial<DecoderOptions> = {}): Decoder => {
  const { maxAheadMs, maxBytes } = { ...defaultDecoderOptions, ...options }
  const columns = columnsOf(topic)
  const names = columns.map((column) => column.name)
  const builders = columns.map(columnBuilder)
  const tsIndex = names.indexOf("ts")
  let count = 0
  let unknownFields = 0
  let offsets = new Float64Array(1024)

  return {
    topic,
    get count() {
      return count
    },
    decode(value, logTime, offset) {
      const { object, reason } = parseValue(value, maxBytes)
      if (object === undefined) return reason
      let known = 0
      for (let c = 0; c < builders.length; c++) {
        const field = object[names[c]]
        if (field !== undefined) known++
        const wrong = builders[c].set(count, field)
        if (wrong !== undefined) return wrong
      }
      if ((object.ts as number) > logTime + maxAheadMs)
        return `out of range: ts is ${object.ts as number}, more than ${maxAheadMs} ms past the log time ${logTime}`
      let fields = 0
      for (const _ in object) fields++
      unknownFields += fields - known
      if (count === offsets.length) {
        const grown = new Float64Array(count * 2)
        grown.set(offsets)
        offsets = grown
      }
      offsets[count] = offset
      count++
      return undefined
    },
    take() {
      const values = builders.map((builder) => builder.take(count))
      const taken: EventColumns = {
        topic,
        count,
        columns,
        values,
        ts: values[tsIndex].values as Float64Array,
        offsets: offsets.slice(0, count),
        unknownFields
      }
      count = 0
      unknownFields = 0
      return taken
    }
  }
}
