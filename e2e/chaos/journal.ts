import type { Topic } from "@musify/domain/Topic.ts"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, writeSync } from "node:fs"
import { join } from "node:path"

/** What a producer was told is acknowledged: records that lie side by side in a partition. */
export interface Acknowledged {
  readonly topic: Topic
  readonly partition: number
  readonly base: number
  /** valueHash of each record. */
  readonly hashes: ReadonlyArray<string>
}

/** A value's name in the journal. */
export const valueHash = (value: Uint8Array | null): string =>
  value === null ? "null" : createHash("sha256").update(value).digest("base64url").slice(0, 16)

/** Adds a line to a journal's file; it survives a kill -9 of this process. */
export const writeAcknowledged = (file: number, acknowledged: Acknowledged): void => {
  writeSync(file, `${JSON.stringify(acknowledged)}\n`)
}

const isTopicPartition = (a: Acknowledged, topic: Topic, partition: number) =>
  a.topic === topic && a.partition === partition

/** The hashes of all acknowledged offsets, by topic and partition; a line that a kill cut off counts as not written. */
export const readJournals = (folder: string) => {
  const all: Array<Acknowledged> = []
  for (const name of readdirSync(folder).sort()) {
    const lines = readFileSync(join(folder, name), "utf8").split("\n")
    // What follows the last line feed is nothing, or cut off.
    for (const line of lines.slice(0, -1)) all.push(JSON.parse(line) as Acknowledged)
  }
  return {
    records: all.reduce((sum, { hashes }) => sum + hashes.length, 0),
    of: (topic: Topic, partition: number): ReadonlyMap<number, string> => {
      const found = new Map<number, string>()
      for (const one of all) {
        if (!isTopicPartition(one, topic, partition)) continue
        one.hashes.forEach((hash, i) => found.set(one.base + i, hash))
      }
      return found
    }
  }
}
