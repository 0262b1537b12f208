import { DuckDBInstance } from "@duckdb/node-api"
import { dayMs, type Hour } from "@musify/domain/Hour.ts"
import { topics } from "@musify/domain/Topic.ts"
import { chainPrefix, dataFileName, planName, sealName } from "@musify/lake/objectNames.ts"
import { checksumMetadata, writeChecksum } from "@musify/lake/parquetFile.ts"
import { Plan, planText } from "@musify/lake/Plan.ts"
import { sealOf, sealText } from "@musify/lake/Seal.ts"
import { Schema } from "effect"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { partitions } from "./BenchLake.ts"

const readPlan = Schema.decodeUnknownSync(Schema.parseJson(Plan))

const plansOf = (bucket: string, prefix: string): ReadonlyArray<Plan> =>
  readdirSync(join(bucket, prefix))
    .filter((name) => name.endsWith(".plan.json"))
    .sort()
    .map((name) => readPlan(readFileSync(join(bucket, prefix, name), "utf8")))

const put = (bucket: string, name: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(bucket, name)), { recursive: true })
  writeFileSync(join(bucket, name), content)
}

/**
 * Fills a new bucket with the lake of another, and before it with copies of its day, whose hours begin at `day`, until
 * the lake begins at hour `from`: the same events on earlier days, in sessions of their own.
 */
export const growLake = async (options: {
  readonly source: string
  readonly bucket: string
  readonly day: Hour
  readonly from: Hour
}): Promise<void> => {
  const { bucket, day, from, source } = options
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" })
  const connection = await instance.connect()
  const copyFile = async (path: string, target: string, d: number): Promise<void> => {
    const file = join(bucket, target)
    mkdirSync(dirname(file), { recursive: true })
    await connection.run(
      `COPY (SELECT * REPLACE (ts - to_days(${d}) AS ts, "sessionId" + ${d} * 1000000000000 AS "sessionId")
FROM read_parquet('${join(source, path)}')) TO '${file}' (FORMAT parquet, COMPRESSION snappy, KV_METADATA {checksum: '${checksumMetadata}'})`
    )
    const bytes = readFileSync(file)
    writeChecksum(bytes)
    writeFileSync(file, bytes)
  }
  for (const topic of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const plans = plansOf(source, chainPrefix(topic, partition))
      let [seq, offset] = [0, 0]
      for (let d = Math.ceil((day - from) / 24); d >= 0; d--) {
        for (const plan of plans) {
          const [file] = plan.files
          const hour = file.hour - d * 24
          if (hour < from || (d > 0 && file.hour >= day + 24)) continue
          const path = dataFileName(topic, hour, partition, seq, offset)
          if (d === 0) put(bucket, path, readFileSync(join(source, file.path)))
          else await copyFile(file.path, path, d)
          const copy: Plan = {
            ...plan,
            seq,
            start: offset,
            end: offset + file.rows,
            files: [{ ...file, path, hour }],
            maxTs: (plan.maxTs ?? 0) - d * dayMs
          }
          put(bucket, planName(topic, partition, seq), planText(copy))
          put(bucket, sealName(topic, partition, seq), sealText(sealOf(copy)))
          seq++
          offset += file.rows
        }
      }
    }
  }
  connection.closeSync()
  instance.closeSync()
}
