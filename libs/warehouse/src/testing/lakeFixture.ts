import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { BatchBuilder } from "@musify/lake/BatchBuilder.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { planName, sealName } from "@musify/lake/objectNames.ts"
import { planText } from "@musify/lake/Plan.ts"
import { sealOf, sealText } from "@musify/lake/Seal.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import type { Logged } from "../spec/logged.ts"

/** One micro-batch of a chain: consecutive events of one (topic, partition). */
export interface FixturePlan {
  readonly topic: Topic
  readonly partition: number
  readonly seq: number
  readonly events: ReadonlyArray<Logged>
}

const limits = { rows: 1_000_000, bytes: 1_000_000_000, files: 100_000 }

/** Writes a closed plan with its files into a store, as the ingestor would. */
export const putPlan = (
  store: ObjectStoreService,
  { events, partition, seq, topic }: FixturePlan
): Effect.Effect<void, ObjectStoreError> =>
  Effect.gen(function* () {
    const builder = new BatchBuilder(topic, partition, events[0].offset, limits)
    builder.add(
      {
        count: events.length,
        keys: bytesColumn(events.map(() => null)),
        values: bytesColumn(events.map(({ event }) => Buffer.from(JSON.stringify(event)))),
        offsets: Float64Array.from(events, ({ offset }) => offset),
        timestamps: Float64Array.from(events, ({ event }) => event.ts)
      },
      0
    )
    const { files, plan } = builder.freeze(seq, "fixture")
    for (const file of files) yield* store.putIfAbsent(file.path, file.encode())
    yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))
    yield* store.putIfAbsent(sealName(topic, partition, seq), Buffer.from(sealText(sealOf(plan))))
  })
