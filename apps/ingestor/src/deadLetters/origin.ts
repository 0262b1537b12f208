import { Buffer } from "node:buffer"
import { decodeHeaders, encodeHeaders, type RecordHeaders } from "@musify/domain/recordHeaders.ts"
import type { LogBatch, RecordBatch } from "@musify/domain/RecordBatch.ts"
import { bytesAt, bytesColumn } from "@musify/domain/RecordBatch.ts"
import type { StoredDeadLetter } from "@musify/lake/readDeadLetters.ts"

/*
 * Where a record that was put back into the log came from: three headers behind its own. Other headers of our making are
 * left out: they would say that it is its producer's next one, or came from where it died before.
 */

const names = ["musify-origin-topic", "musify-origin-partition", "musify-origin-offset"] as const

/** Where a dead letter lay in the log: `topic/partition/offset`. */
export type Origin = string

export const originOf = ({ offset, partition, topic }: StoredDeadLetter): Origin =>
  `${topic}/${partition}/${offset}`

/** Dead letters as records for the log: key, value and headers as they were, their origin behind them. */
export const recordsOf = (letters: ReadonlyArray<StoredDeadLetter>): RecordBatch => ({
  count: letters.length,
  keys: bytesColumn(letters.map(({ key }) => key)),
  values: bytesColumn(letters.map(({ value }) => value)),
  headers: bytesColumn(
    letters.map(({ headers, offset, partition, topic }) => {
      const values = [topic, String(partition), String(offset)]
      return encodeHeaders([
        ...headers.filter(([name]) => !name.startsWith("musify-")),
        ...names.map((name, i): RecordHeaders[number] => [name, Buffer.from(values[i])])
      ])
    })
  )
})

/** Where record `index` came from; undefined: it was no dead letter. */
export const originAt = ({ headers }: LogBatch, index: number): Origin | undefined => {
  const bytes = headers === undefined ? null : bytesAt(headers, index)
  if (bytes === null || bytes.length === 0) return undefined
  const found = new Map(decodeHeaders(bytes).map(([name, value]) => [name, Buffer.from(value).toString()]))
  const parts = names.map((name) => found.get(name))
  return parts.includes(undefined) ? undefined : parts.join("/")
}
