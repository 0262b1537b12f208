import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders, type RecordHeaders } from "@musify/domain/recordHeaders.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { numberHeader, seriesHeader } from "@musify/stream/kafka/series.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { join } from "node:path"
import { kindHeader } from "./chaosEvents.ts"
import type { Findings } from "./Findings.ts"
import { type readJournals, valueHash } from "./journal.ts"
import type { LakeRoot } from "./LakeWatch.ts"

/*
 * Compares three things that must agree: what the producer was told is acknowledged (its journal), what the log holds
 * (read to its end), and what a plain glob of the bucket shows. Nothing of the ingestor's is asked: rows are compared
 * with the JSON text of their records, dead letters with their bytes.
 */

interface LogRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: RecordHeaders
}

/** A row of the lake or a dead letter; `fields` in the order of its columns. */
interface Stored {
  readonly offset: number
  readonly fields: ReadonlyArray<unknown>
}

export interface Verdict {
  readonly records: number
  readonly acknowledged: number
  readonly rows: number
  readonly deadLetters: number
}

const readBytes = 1 << 20

async function* logRecords(log: EventLogService, topic: Topic, partition: number): AsyncGenerator<LogRecord> {
  const { end, start } = await Effect.runPromise(log.range(topic, partition))
  for (let next = start; next < end;) {
    const batch = await Effect.runPromise(log.read(topic, partition, next, readBytes))
    if (batch.count === 0) throw new Error(`${topic}/${partition} ends at ${next}, not at ${end}.`)
    for (let i = 0; i < batch.count; i++) {
      const headers = batch.headers === undefined ? null : bytesAt(batch.headers, i)
      yield {
        offset: batch.offsets[i],
        timestamp: batch.timestamps[i],
        key: bytesAt(batch.keys, i),
        value: bytesAt(batch.values, i),
        headers: headers === null ? [] : decodeHeaders(headers)
      }
    }
    next = batch.offsets[batch.count - 1] + 1
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** What a plain glob shows of a partition, by offset. */
async function* stored(
  connection: DuckDBConnection,
  bucket: string,
  root: LakeRoot,
  topic: Topic,
  partition: number,
  columns: ReadonlyArray<string>
): AsyncGenerator<Stored> {
  const glob = quoted(join(bucket, root, topic, "**", "*.parquet"))
  const [[files]] = (await connection.runAndReadAll(`SELECT count(*) FROM glob(${glob})`)).getRows()
  if (Number(files) === 0) return
  const rows = await connection.stream(
    `SELECT _offset::DOUBLE, ${columns.join(", ")}
     FROM read_parquet(${glob}, hive_partitioning = false, union_by_name = true)
     WHERE _partition = ${partition} ORDER BY _offset`
  )
  for await (const chunk of rows.yieldRowsJs()) {
    for (const [offset, ...fields] of chunk) yield { offset: Number(offset), fields }
  }
}

/** What a row must hold for a field of the event's JSON. */
const expected = (value: unknown, type: string): unknown => {
  if (value === undefined || value === null) return null
  if (type === "string") return String(value)
  if (type === "boolean") return value
  return value === "" ? null : Number(value) + 0
}

const show = (value: unknown): string =>
  value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value)

const sameBytes = (a: unknown, b: Uint8Array | null): boolean =>
  a === null ? b === null : a instanceof Uint8Array && b !== null && Buffer.compare(a, b) === 0

/** Headers as a dead letter has them: text where the value is UTF-8, else base64. */
const headersOf = (text: unknown): ReadonlyArray<readonly [string, string]> =>
  text === null
    ? []
    : (JSON.parse(String(text)) as ReadonlyArray<{ name: string; value?: string; base64?: string }>).map(
        ({ base64, name, value }) => [name, base64 ?? Buffer.from(value ?? "").toString("base64")]
      )

const timeColumns = (topic: Topic) =>
  lakeColumnsOf(topic)
    .filter(({ name }) => name !== "_partition" && name !== "_offset")
    .map(({ name, type }) => ({
      name,
      type,
      sql: type === "timestamp" ? `epoch_ms(${name})::DOUBLE` : type === "int64" ? `${name}::DOUBLE` : name
    }))

const letterColumns = ["epoch_ms(timestamp)::DOUBLE", "key", "value", "reason", "headers"]

/** The next of a sorted stream, one ahead. */
class Ahead {
  private readonly source: AsyncGenerator<Stored>
  head: Stored | undefined
  constructor(source: AsyncGenerator<Stored>) {
    this.source = source
  }
  async advance(): Promise<void> {
    const { done, value } = await this.source.next()
    this.head = done === true ? undefined : value
  }
}

/** Compares everything; adds what differs to the findings. `log` must be drained and nobody may write any more. */
export const judge = async (options: {
  readonly log: EventLogService
  readonly bucket: string
  readonly journals: ReturnType<typeof readJournals>
  readonly findings: Findings
}): Promise<Verdict> => {
  const { bucket, findings, journals, log } = options
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "1GB" })
  const connections = [await instance.connect(), await instance.connect()]
  let records = 0
  let rows = 0
  let deadLetters = 0
  try {
    for (const topic of topics) {
      const columns = timeColumns(topic)
      const partitions = await Effect.runPromise(log.partitions(topic))
      for (let partition = 0; partition < partitions; partition++) {
        const sql = columns.map((column) => column.sql)
        const row = new Ahead(stored(connections[0], bucket, "lake", topic, partition, sql))
        const letter = new Ahead(
          stored(connections[1], bucket, "dead-letters", topic, partition, letterColumns)
        )
        await Promise.all([row.advance(), letter.advance()])
        const acknowledged = journals.of(topic, partition)
        const series = new Map<string, number>()
        const at = (offset: number) => `${topic}/${partition} offset ${offset}`
        /** All of a stream up to an offset: those at it, those before it are nowhere in the log. */
        const upTo = async (stream: Ahead, offset: number): Promise<ReadonlyArray<Stored>> => {
          const here: Array<Stored> = []
          while (stream.head !== undefined && stream.head.offset <= offset) {
            if (stream.head.offset === offset) here.push(stream.head)
            else findings.add("the glob shows an offset that the log does not hold", at(stream.head.offset))
            await stream.advance()
          }
          return here
        }
        let next: number | undefined
        let met = 0
        for await (const record of logRecords(log, topic, partition)) {
          const { headers, offset, value } = record
          records++
          if (next !== undefined && next !== offset)
            findings.add("the log has a hole", `${at(next)} to ${offset - 1}`)
          next = offset + 1
          const hash = acknowledged.get(offset)
          if (hash !== undefined) {
            met++
            if (hash !== valueHash(value))
              findings.add("the log holds another value than was acknowledged", at(offset))
          }
          checkSeries(headers, series, at(offset), findings)
          const rowsHere = await upTo(row, offset)
          const lettersHere = await upTo(letter, offset)
          rows += rowsHere.length
          deadLetters += lettersHere.length
          const copies = rowsHere.length + lettersHere.length
          const places = `${rowsHere.length} rows, ${lettersHere.length} dead letters`
          if (copies === 0) findings.add("a record of the log is nowhere", at(offset))
          if (copies > 1)
            findings.add("a record of the log is there more than once", `${at(offset)}: ${places}`)
          const kind = headers.find(([name]) => name === kindHeader)?.[1]
          const isBad = kind !== undefined && Buffer.from(kind).toString() === "bad"
          if (rowsHere.length > 0 && isBad) findings.add("a bad event is in the lake", at(offset))
          if (lettersHere.length > 0 && !isBad)
            findings.add("an event is a dead letter", `${at(offset)}: ${show(lettersHere[0].fields[3])}`)
          if (rowsHere.length > 0 && !isBad) {
            const event = JSON.parse(Buffer.from(value ?? []).toString()) as Record<string, unknown>
            columns.forEach(({ name, type }, c) => {
              const [found, wanted] = [rowsHere[0].fields[c], expected(event[name], type)]
              if (found !== wanted)
                findings.add(
                  "a row differs from its event",
                  `${at(offset)}: ${name} is ${show(found)}, not ${show(wanted)}`
                )
            })
          }
          if (lettersHere.length > 0) checkLetter(lettersHere[0], record, at(offset), findings)
        }
        await upTo(row, Infinity)
        await upTo(letter, Infinity)
        if (met !== acknowledged.size)
          findings.add(
            "acknowledged records are not in the log",
            `${topic}/${partition}: ${acknowledged.size - met} of ${acknowledged.size}`
          )
      }
    }
  } finally {
    for (const connection of connections) connection.closeSync()
    instance.closeSync()
  }
  return { records, rows, deadLetters, acknowledged: journals.records }
}

/** A simulation numbers its records in each partition from 0 on, over all its starts. */
const checkSeries = (
  headers: RecordHeaders,
  series: Map<string, number>,
  at: string,
  findings: Findings
): void => {
  const name = headers.find(([header]) => header === seriesHeader)?.[1]
  if (name === undefined) return
  const key = Buffer.from(name).toString()
  const number = Number(
    Buffer.from(headers.find(([header]) => header === numberHeader)?.[1] ?? []).toString()
  )
  const wanted = series.get(key) ?? 0
  if (number !== wanted)
    findings.add("the simulator's events are not one after another", `${at}: number ${number}, not ${wanted}`)
  series.set(key, number + 1)
}

const checkLetter = (letter: Stored, record: LogRecord, at: string, findings: Findings): void => {
  const [timestamp, key, value, reason, headers] = letter.fields
  const differs = (what: string) => findings.add("a dead letter differs from its record", `${at}: ${what}`)
  if (timestamp !== record.timestamp) differs(`log time ${show(timestamp)}, not ${record.timestamp}`)
  if (!sameBytes(key, record.key)) differs(`key ${show(key)}`)
  if (!sameBytes(value, record.value)) differs(`value ${show(value)}`)
  if (typeof reason !== "string" || reason === "") differs("no reason")
  const wanted = record.headers.map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")])
  if (JSON.stringify(headersOf(headers)) !== JSON.stringify(wanted)) differs(`headers ${show(headers)}`)
}
