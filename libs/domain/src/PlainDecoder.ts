import { columnBuilder } from "./columnBuilders.ts"
import { columnsOf } from "./columns.ts"
import type { Decoder, DecoderOptions } from "./Decoder.ts"
import type { EventColumns, PlainNumbers } from "./EventColumns.ts"
import { parseValue } from "./parseValue.ts"
import { bytesAt } from "./RecordBatch.ts"
import type { Topic } from "./Topic.ts"

/**
 * A decoder by JSON.parse, derived from the columns of its Schema. What it says of a value is the truth: the scanner is
 * held to it, and hands over what it does not understand.
 */
export const makePlainDecoder = (topic: Topic, { maxAheadMs, maxBytes }: DecoderOptions): Decoder => {
  const columns = columnsOf(topic)
  const names = columns.map((column) => column.name)
  const builders = columns.map(columnBuilder)
  const tsIndex = names.indexOf("ts")
  let count = 0
  let unknownFields = 0
  let offsets = new Float64Array(1024)

  const decode: Decoder["decode"] = (value, logTime, offset) => {
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
  }
  return {
    topic,
    get count() {
      return count
    },
    decode,
    decodeBatch(batch, from, to) {
      const reasons: Array<string | undefined> = []
      for (let i = from; i < to; i++)
        reasons.push(decode(bytesAt(batch.values, i), batch.timestamps[i], batch.offsets[i]))
      return reasons
    },
    take() {
      const values = builders.map((builder) => builder.take(count))
      const taken: EventColumns = {
        topic,
        count,
        columns,
        values,
        ts: (values[tsIndex] as PlainNumbers).values as Float64Array,
        offsets: offsets.slice(0, count),
        unknownFields
      }
      count = 0
      unknownFields = 0
      return taken
    }
  }
}
