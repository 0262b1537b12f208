import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { decoderVersion } from "@musify/domain/Decoder.ts"
import { hourStart, type Hour } from "@musify/domain/Hour.ts"
import { topics, type Topic } from "@musify/domain/Topic.ts"
import { dataFileName, planName, sealName } from "@musify/lake/objectNames.ts"
import { putChecksum, unknownChecksum } from "@musify/lake/parquetFile.ts"
import { planText, planVersion, type Plan, type PlannedFile } from "@musify/lake/Plan.ts"
import { sealOf, sealText } from "@musify/lake/Seal.ts"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { partitions } from "./BenchLake.ts"
import { crowds } from "./growHistory.ts"

/** The partition of the copies: their chains are in the order of time. */
const copiesPartition = partitions

/** What a lake column becomes in the copy of a day that is `d` days before it. */
const shifted = (d: number): Readonly<Record<string, string>> => ({
  ts: `ts - INTERVAL ${d} DAY`,
  sessionId: `"sessionId" + ${d}::BIGINT * 1000000000000`,
  userId: `"userId" + ${d % crowds}::BIGINT * 1000000000`,
  _partition: `${copiesPartition}::INTEGER`
})

/** The columns of a copy, with the lake's types. */
const columns = (topic: Topic, d: number): string =>
  lakeColumnsOf(topic)
    .map(({ name }) => `${shifted(d)[name] ?? `"${name}"`} AS "${name}"`)
    .join(", ")

/** The copies of one topic: a plan for each day. */
const growTopic = async (
  connection: DuckDBConnection,
  bucket: string,
  topic: Topic,
  day: Hour,
  from: Hour
): Promise<void> => {
  const put = (name: string, bytes: string | Uint8Array) => {
    const file = join(bucket, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }
  const days = Math.ceil((day - from) / 24)
  const source = join(bucket, `lake/${topic}/**/*.parquet`)
  const metadata = Object.entries(unknownChecksum).map(([key, value]) => `${key}: '${value}'`)
  await connection.run(
    `CREATE TEMP TABLE day_${topic} AS SELECT *, epoch_us(ts) // 3600000000 AS hour
FROM read_parquet('${source}', hive_partitioning = false) WHERE hour BETWEEN ${day} AND ${day + 23} ORDER BY ts`
  )
  let offset = 0
  for (let d = days; d > 0; d--) {
    const seq = days - d
    const start = offset
    const files: Array<PlannedFile> = []
    for (let hour = Math.max(day - d * 24, from); hour < day - (d - 1) * 24; hour++) {
      const path = dataFileName(topic, hour, copiesPartition, seq, offset)
      const file = join(bucket, path)
      mkdirSync(dirname(file), { recursive: true })
      const reader = await connection.runAndReadAll(
        `COPY (SELECT ${columns(topic, d)} FROM day_${topic} WHERE hour = ${hour + d * 24}) TO '${file}'
(FORMAT parquet, COMPRESSION snappy, KV_METADATA {${metadata.join(", ")}})`
      )
      const rows = Number(reader.getRows()[0][0])
      if (rows === 0) {
        rmSync(file)
        continue
      }
      const bytes = readFileSync(file)
      putChecksum(bytes)
      writeFileSync(file, bytes)
      files.push({ path, hour, rows, hash: "copied" })
      offset += rows
    }
    const plan: Plan = {
      version: planVersion,
      decoder: decoderVersion,
      topic,
      partition: copiesPartition,
      seq,
      start,
      end: offset,
      files,
      deadLetters: [],
      unknownFields: 0,
      witness: "",
      maxTs: hourStart(day - (d - 1) * 24) - 1,
      writer: "bench"
    }
    put(planName(topic, copiesPartition, seq), planText(plan))
    put(sealName(topic, copiesPartition, seq), sealText(sealOf(plan)))
  }
}

/**
 * Puts copies of the 24 hours from `day` on before them, until the lake begins at hour `from`: one file for each topic
 * and hour, sorted by time, as a closed hour is staged. The events of a copy are those of another crowd's listeners.
 */
export const growLake = async (bucket: string, day: Hour, from: Hour): Promise<void> => {
  if (from >= day) return
  const instance = await DuckDBInstance.create(":memory:")
  try {
    await Promise.all(
      topics.map(async (topic) => {
        const connection = await instance.connect()
        await connection.run("SET TimeZone = 'UTC'")
        await growTopic(connection, bucket, topic, day, from)
        connection.closeSync()
      })
    )
  } finally {
    instance.closeSync()
  }
}
