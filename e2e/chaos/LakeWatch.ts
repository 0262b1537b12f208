import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api"
import { topics } from "@musify/domain/Topic.ts"
import { createHash } from "node:crypto"
import { readFileSync, type Stats, statSync } from "node:fs"
import { join } from "node:path"
import type { Findings } from "./Findings.ts"

const roots = ["lake", "dead-letters"] as const
export type LakeRoot = (typeof roots)[number]

interface KnownFile {
  inode: number
  readonly size: number
  readonly hash: string
}

/** How many records of a partition a plain glob shows. */
export interface SeenPartition {
  readonly topic: string
  readonly partition: number
  /** Distinct offsets. */
  readonly offsets: number
  readonly first: number
  readonly last: number
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex")

/**
 * Looks at the files under lake/ and dead-letters/ as anybody with a glob does, again and again while they are written:
 * no position twice, no file that goes or changes. A file is read once, since none may change.
 */
export class LakeWatch {
  private readonly bucket: string
  private readonly connection: DuckDBConnection
  private readonly instance: DuckDBInstance
  private readonly known = new Map<string, KnownFile>()
  private readonly findings: Findings

  private constructor(
    bucket: string,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    findings: Findings
  ) {
    this.bucket = bucket
    this.instance = instance
    this.connection = connection
    this.findings = findings
  }

  /** `bucket`: the folder of a bucket's objects. */
  static async open(bucket: string, findings: Findings): Promise<LakeWatch> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1", memory_limit: "1GB" })
    const connection = await instance.connect()
    await connection.run("CREATE TABLE seen (topic VARCHAR, partition INTEGER, offset_ BIGINT, file VARCHAR)")
    return new LakeWatch(bucket, instance, connection, findings)
  }

  get files(): number {
    return this.known.size
  }

  /** Reads what is new; answers what is there now, and adds what is wrong to the findings. */
  async look(): Promise<ReadonlyArray<SeenPartition>> {
    const found = new Set<string>()
    for (const root of roots) {
      for (const topic of topics) {
        const glob = join(this.bucket, root, topic, "**", "*.parquet")
        const listed = await this.connection.runAndReadAll(`SELECT file FROM glob(${quoted(glob)})`)
        const files = listed.getRows().map(([file]) => String(file))
        for (const file of files) found.add(file)
        const fresh = files.filter((file) => this.isFresh(file))
        if (fresh.length === 0) continue
        await this.connection.run(
          `INSERT INTO seen SELECT ${quoted(topic)}, _partition, _offset, filename
           FROM read_parquet([${fresh.map(quoted).join(",")}], filename = true, hive_partitioning = false, union_by_name = true)`
        )
      }
    }
    for (const file of this.known.keys())
      if (!found.has(file)) this.findings.add("a file is gone", this.nameOf(file))
    const twice = await this.connection.runAndReadAll(
      `SELECT topic, partition, offset_, count(*), list(DISTINCT file) FROM seen
       GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1000`
    )
    for (const [topic, partition, offset, count, files] of twice.getRowsJson()) {
      const names = (files as Array<string>).map((file) => this.nameOf(file)).join(", ")
      this.findings.add(
        "an offset is in the glob more than once",
        `${topic}/${partition} offset ${offset}: ${count} times, in ${names}`
      )
    }
    const seen = await this.connection.runAndReadAll(
      `SELECT topic, partition, count(DISTINCT offset_), min(offset_), max(offset_) FROM seen GROUP BY ALL ORDER BY ALL`
    )
    return seen.getRows().map(([topic, partition, offsets, first, last]) => ({
      topic: String(topic),
      partition: Number(partition),
      offsets: Number(offsets),
      first: Number(first),
      last: Number(last)
    }))
  }

  private nameOf(file: string): string {
    return file.slice(this.bucket.length + 1)
  }

  /** Whether the file was not seen before; one that was written again is compared with what it was. */
  private isFresh(file: string): boolean {
    const stat: Stats = statSync(file)
    const known = this.known.get(file)
    if (known === undefined) {
      this.known.set(file, { inode: stat.ino, size: stat.size, hash: hashOf(file) })
      return true
    }
    if (known.inode === stat.ino && known.size === stat.size) return false
    // A put that the server had not acknowledged when it was killed may come again, with the same bytes.
    if (hashOf(file) !== known.hash) this.findings.add("a file was changed", this.nameOf(file))
    known.inode = stat.ino
    return false
  }

  close(): void {
    this.connection.closeSync()
    this.instance.closeSync()
  }
}
