import { ingest } from "@musify/ingestor/ingest.ts"
import { layer as layerGcs, makeGcsObjectStore } from "@musify/lake/gcs/GcsObjectStore.ts"
import { defaultGcsOptions } from "@musify/lake/gcs/GcsOptions.ts"
import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { Effect, Layer } from "effect"
import { beforeAll, expect, inject, test } from "vitest"
import { auditLake } from "./auditLake.ts"
import { reportText } from "./AuditReport.ts"
import { appendEvents, fixtureHistory } from "./testing/auditFixture.ts"

const endpoint = inject("gcsEndpoint")
const bucket = "audit"
beforeAll(() => makeBucket(endpoint, bucket))

test("what two ingestors at once put into a Cloud Storage server is clean; an orphan and a lost file are not", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const options = { ...defaultGcsOptions, bucket, prefix: "lakes/1/", endpoint }
      const log = makeInMemoryEventLog({ partitions: 2 })
      yield* appendEvents(log, fixtureHistory().events, true)
      const ingestor = (writer: string) =>
        Effect.provide(
          ingest({ once: true, rows: 20, writer }),
          Layer.merge(layerGcs(options, writer), Layer.succeed(EventLog, log))
        )
      const summaries = yield* Effect.all([ingestor("one"), ingestor("two")], { concurrency: 2 })
      expect(summaries.flatMap(({ halted }) => halted)).toEqual([])

      const store = makeGcsObjectStore(options)
      const audit = (deep: boolean, withLog: boolean) =>
        auditLake({
          store,
          log: withLog ? log : undefined,
          deep,
          drained: true,
          seed: 1,
          memoryMiB: 256
        })
      for (const deep of [false, true])
        for (const withLog of [false, true]) {
          const report = yield* audit(deep, withLog)
          expect(report.ok, reportText(report)).toBe(true)
        }

      const [{ name }] = yield* store.list("lake/listen_events/")
      yield* store.putIfAbsent("lake/listen_events/orphan.parquet", new Uint8Array(3))
      yield* store.remove(name)
      const text = reportText(yield* audit(true, true))
      expect(text).toContain(`gs://audit/lakes/1/lake/listen_events/orphan.parquet: is an orphan`)
      expect(text).toContain(`gs://audit/lakes/1/${name}: is missing`)
    })
  ))
