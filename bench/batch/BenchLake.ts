import { hourMs, type Hour } from "@musify/domain/Hour.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { topics, type Topic } from "@musify/domain/Topic.ts"
import { BatchBuilder } from "@musify/lake/BatchBuilder.ts"
import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { planName, sealName } from "@musify/lake/objectNames.ts"
import { planText } from "@musify/lake/Plan.ts"
import { sealOf, sealText } from "@musify/lake/Seal.ts"
import { Buffer } from "node:buffer"
import { existsSync, readFileSync } from "node:fs"
import { Effect } from "effect"
import { hourFile } from "./hourFiles.ts"

export const partitions = 4

const limits = { rows: 10_000_000, bytes: 4_000_000_000, files: 1000 }

interface Line {
  readonly bytes: Uint8Array
  readonly ts: number
}

/** An hour's events of a topic by partition: a session is in one, as a device is. */
const linesOf = (file: string): ReadonlyArray<ReadonlyArray<Line>> => {
  const lines: ReadonlyArray<Array<Line>> = Array.from({ length: partitions }, () => [])
  if (!existsSync(file)) return lines
  const data = readFileSync(file)
  for (let start = 0, end = data.indexOf(10); end !== -1; start = end + 1, end = data.indexOf(10, start)) {
    const bytes = data.subarray(start, end)
    const text = bytes.toString("latin1")
    const session = Number(/"sessionId":(\d+)/.exec(text)![1])
    lines[session % partitions].push({ bytes, ts: Number(/"ts":(\d+)/.exec(text)![1]) })
  }
  return lines
}

/** A lake whose chains get whole hours, as ingestors would have closed them. */
export class BenchLake {
  private readonly store: ObjectStoreService
  /** Of each chain, named as in the bucket: the next plan and the next offset. */
  private readonly ends = new Map<string, { readonly seq: number; readonly offset: number }>()

  private constructor(store: ObjectStoreService) {
    this.store = store
  }

  /** The lake in a bucket's folder, which has no chains yet. */
  static async open(directory: string): Promise<BenchLake> {
    return new BenchLake(
      await Effect.runPromise(makeLocalDirectoryObjectStore({ directory, durability: "process" }))
    )
  }

  /** A lake in another bucket's folder that goes on where this one is. */
  async goOnIn(directory: string): Promise<BenchLake> {
    const next = await BenchLake.open(directory)
    for (const [chain, end] of this.ends) next.ends.set(chain, end)
    return next
  }

  /** Puts an hour of `hours` into every chain, in so many plans of equal spans, with a file each; answers the plays. */
  async put(hours: string, hour: Hour, plans: number): Promise<number> {
    let plays = 0
    for (const topic of topics) {
      for (const [partition, lines] of linesOf(hourFile(hours, hour, topic)).entries()) {
        if (topic === "listen_events") plays += lines.length
        const span = hourMs / plans
        for (let i = 0; i < plans; i++) {
          const from = hour * hourMs + i * span
          await this.putPlan(
            topic,
            partition,
            lines.filter(({ ts }) => ts >= from && ts < from + span)
          )
        }
      }
    }
    return plays
  }

  private async putPlan(topic: Topic, partition: number, lines: ReadonlyArray<Line>): Promise<void> {
    if (lines.length === 0) return
    const chain = `${topic}/${partition}`
    const { offset, seq } = this.ends.get(chain) ?? { offset: 0, seq: 0 }
    const builder = new BatchBuilder(topic, partition, offset, limits)
    builder.add(
      {
        count: lines.length,
        keys: bytesColumn(lines.map(() => null)),
        values: bytesColumn(lines.map(({ bytes }) => bytes)),
        offsets: Float64Array.from(lines, (_, i) => offset + i),
        timestamps: Float64Array.from(lines, ({ ts }) => ts)
      },
      0
    )
    const { files, plan } = builder.freeze(seq, "bench")
    const put = (name: string, bytes: Uint8Array) => Effect.runPromise(this.store.putIfAbsent(name, bytes))
    for (const file of files) await put(file.path, file.encode())
    await put(planName(topic, partition, seq), Buffer.from(planText(plan)))
    await put(sealName(topic, partition, seq), Buffer.from(sealText(sealOf(plan))))
    this.ends.set(chain, { seq: seq + 1, offset: offset + lines.length })
  }
}
