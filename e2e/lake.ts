import { DuckDBInstance } from "@duckdb/node-api"
import { join } from "node:path"

/** Positions of the lake and the dead letters as a plain glob shows them: rows, distinct positions, per partition. */
export interface Positions {
  readonly topic: string
  readonly partition: number
  readonly rows: number
  readonly distinct: number
  readonly first: number
  readonly last: number
}

/** Reads (topic, partition, offset) of every row under lake/ and dead-letters/, as anybody with DuckDB would. */
export const globPositions = async (data: string): Promise<ReadonlyArray<Positions>> => {
  const instance = await DuckDBInstance.create(":memory:")
  const connection = await instance.connect()
  try {
    const topics = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
    const parts: Array<string> = []
    for (const topic of topics) {
      for (const root of ["lake", "dead-letters"]) {
        const glob = join(data, "bucket", root, topic, "**", "*.parquet").replaceAll("'", "''")
        const found = await connection.runAndReadAll(`SELECT count(*) AS n FROM glob('${glob}')`)
        if (Number(found.getRowObjects()[0].n) === 0) continue
        parts.push(
          `SELECT '${topic}' AS topic, _partition, _offset FROM read_parquet('${glob}', hive_partitioning = false)`
        )
      }
    }
    if (parts.length === 0) return []
    const result = await connection.runAndReadAll(
      `SELECT topic, _partition, count(*) AS n, count(DISTINCT _offset) AS d, min(_offset) AS f, max(_offset) AS l
       FROM (${parts.join(" UNION ALL ")}) GROUP BY ALL ORDER BY ALL`
    )
    return result.getRowObjects().map((row) => ({
      topic: String(row.topic),
      partition: Number(row._partition),
      rows: Number(row.n),
      distinct: Number(row.d),
      first: Number(row.f),
      last: Number(row.l)
    }))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** The dead letters of a topic as anybody with DuckDB sees them: size of the raw value, and reason. */
export const deadLetterRows = async (
  data: string,
  topic: string
): Promise<ReadonlyArray<readonly [bytes: number, reason: string]>> => {
  const instance = await DuckDBInstance.create(":memory:")
  const connection = await instance.connect()
  try {
    const glob = join(data, "bucket", "dead-letters", topic, "**", "*.parquet").replaceAll("'", "''")
    const result = await connection.runAndReadAll(
      `SELECT octet_length(value) AS bytes, reason FROM read_parquet('${glob}', hive_partitioning = false) ORDER BY ALL`
    )
    return result.getRowObjects().map((row) => [Number(row.bytes), String(row.reason)] as const)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
