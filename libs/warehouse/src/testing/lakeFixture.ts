import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { hourOf } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { dataFileName, planName, sealName } from "@musify/lake/objectNames.ts"
import { encodeParquet } from "@musify/lake/parquetFile.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { planText, planVersion } from "@musify/lake/Plan.ts"
import { sealOf, sealText } from "@musify/lake/Seal.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import type { Logged } from "../spec/logged.ts"

type Field = number | string | boolean | null

const dataFile = (topic: Topic, events: ReadonlyArray<Logged>): Uint8Array =>
  encodeParquet(
    lakeColumnsOf(topic).map((column) => ({
      column,
      data: events.map((logged) => {
        const value: Field =
          column.name === "_partition"
            ? logged.partition
            : column.name === "_offset"
              ? logged.offset
              : (logged.event as unknown as Record<string, Field>)[column.name]
        if (value === null) return null
        if (column.type === "timestamp") return BigInt(value as number) * 1000n
        return column.type === "int64" ? BigInt(value as number) : value
      })
    })),
    {}
  )

/** One micro-batch of a chain: consecutive events of one (topic, partition), as the ingestor would plan them. */
export interface FixturePlan {
  readonly topic: Topic
  readonly partition: number
  readonly seq: number
  readonly events: ReadonlyArray<Logged>
}

/** Writes a closed plan with its files into a store, in the layout of the lake. */
export const putPlan = (
  store: ObjectStoreService,
  { events, partition, seq, topic }: FixturePlan
): Effect.Effect<void, ObjectStoreError> =>
  Effect.gen(function* () {
    const byHour = new Map<number, Array<Logged>>()
    for (const logged of events) {
      const hour = hourOf(logged.event.ts)
      const rows = byHour.get(hour)
      if (rows === undefined) byHour.set(hour, [logged])
      else rows.push(logged)
    }
    const files: Array<Plan["files"][number]> = []
    for (const [hour, rows] of byHour) {
      const path = dataFileName(topic, hour, partition, seq, rows[0].offset)
      files.push({ path, hour, rows: rows.length, hash: "" })
      rows.sort((a, b) => a.event.ts - b.event.ts || a.offset - b.offset)
      yield* store.putIfAbsent(path, dataFile(topic, rows))
    }
    const plan: Plan = {
      version: planVersion,
      decoder: 1,
      topic,
      partition,
      seq,
      start: events[0].offset,
      end: events[events.length - 1].offset + 1,
      files,
      deadLetters: [],
      unknownFields: 0,
      witness: "",
      maxTs: Math.max(...events.map(({ event }) => event.ts)),
      writer: "fixture"
    }
    yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))
    yield* store.putIfAbsent(sealName(topic, partition, seq), Buffer.from(sealText(sealOf(plan))))
  })
