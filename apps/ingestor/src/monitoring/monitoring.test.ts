import http from "node:http"
import type { AddressInfo } from "node:net"
import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { ObjectStore, type ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { Duration, Effect, Fiber, Layer, Metric } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { ingest } from "../ingest.ts"
import { IngestStatus } from "../IngestStatus.ts"
import { MemoryEventLog } from "../testing/MemoryEventLog.ts"
import { layerOtlp } from "./layerOtlp.ts"
import { serveMonitoring } from "./serveMonitoring.ts"
import { watchIngest } from "./watchIngest.ts"

const topic = "auth_events"
const encoder = new TextEncoder()
const values = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    encoder.encode(
      JSON.stringify({
        ts: 1_799_900_000_000,
        sessionId: 1,
        itemInSession: i,
        level: "free",
        success: true
      })
    )
  )

let log: MemoryEventLog
let status: IngestStatus
let isDown: boolean
beforeEach(() => {
  log = new MemoryEventLog(2)
  status = new IngestStatus()
  isDown = false
})
const store: () => ObjectStoreService = () => {
  const memory = makeMemoryObjectStore(new Map())
  return {
    ...memory,
    list: (prefix, options) =>
      Effect.suspend(() =>
        isDown
          ? new ObjectStoreUnavailable({ name: "x", message: "no bucket", retryable: true })
          : memory.list(prefix, options)
      )
  }
}

const get = (port: number, path: string) =>
  Effect.promise(async () => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text()
    }
  })
/** What a path answers once it contains `part`. */
const until = (port: number, path: string, part: string) =>
  Effect.gen(function* () {
    while (true) {
      const answer = yield* get(port, path)
      if (answer.text.includes(part)) return answer
      yield* Effect.sleep(10)
    }
  })

const every = Duration.millis(10)
const run = <A, E>(
  test: (port: number) => Effect.Effect<A, E, EventLog | ObjectStore>,
  service = log.service
) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const roll = Duration.minutes(2)
        const { port } = yield* serveMonitoring(status, { port: 0, host: "127.0.0.1", roll, every })
        yield* Effect.forkScoped(watchIngest(status, every))
        return yield* test(port)
      })
    ).pipe(Effect.provideService(EventLog, service), Effect.provide(Layer.sync(ObjectStore, store)))
  )

describe("/health, /ready and /metrics", () => {
  it("say what the ingestor does, in numbers, and why it does not", async () => {
    log.append(topic, 0, [...values(20), encoder.encode("{")])
    await run((port) =>
      Effect.gen(function* () {
        expect(yield* get(port, "/health")).toMatchObject({ status: 200, text: '{"status":"alive"}' })
        expect(yield* get(port, "/ready")).toMatchObject({ status: 503 })
        expect(yield* get(port, "/")).toMatchObject({ status: 404 })
        const fiber = yield* Effect.fork(ingest({ status, roll: Duration.millis(20), poll: every }))
        const ready = yield* until(port, "/ready", '"ready":true')
        expect(ready.status).toBe(200)
        yield* until(
          port,
          "/ready",
          '{"partition":"auth_events/0","phase":"following","end":21,"lagRecords":0'
        )
        const metrics = yield* until(port, "/metrics", 'musify_ingest_lag_records{topic="auth_events"')
        expect(metrics.type).toBe("text/plain; version=0.0.4; charset=utf-8")
        for (const line of [
          'musify_ingest_records_total{topic="auth_events",partition="0"} 21',
          'musify_ingest_rows_total{topic="auth_events",partition="0"} 20',
          'musify_ingest_files_total{topic="auth_events",partition="0"} 2',
          'musify_ingest_dead_letters_total{topic="auth_events",partition="0",reason="invalid JSON"} 1',
          'musify_ingest_owned{topic="auth_events",partition="0"} 1',
          'musify_ingest_halted{topic="auth_events",partition="0"} 0',
          'musify_ingest_lag_seconds{topic="auth_events",partition="0"} 0',
          'musify_ingest_roll_seconds_count{topic="auth_events",partition="0"} 1'
        ])
          expect(metrics.text.split("\n")).toContain(line)
        expect(metrics.text).toMatch(/^process_resident_memory_bytes \d{7,}$/m)
        expect(metrics.text).not.toContain("effect_fiber")
        isDown = true
        yield* until(port, "/ready", "The bucket cannot be reached: no bucket")
        isDown = false
        yield* until(port, "/ready", '"ready":true')
        yield* Fiber.interrupt(fiber)
        // It is another's now.
        yield* until(port, "/metrics", 'musify_ingest_owned{topic="auth_events",partition="0"} 0')
      })
    )
  })

  it("count what waits also while nothing is read, and tell of a log that cannot be reached", async () => {
    let isAway = false
    const service: typeof log.service = {
      ...log.service,
      range: (of, partition) =>
        isAway
          ? new EventLogUnavailable({ message: "no broker", retryable: true })
          : log.service.range(of, partition)
    }
    const partition = status.assigned({ topic, partition: 1 }, 0)
    partition.end = 3
    log.append(topic, 1, values(10))
    await run(
      (port) =>
        Effect.gen(function* () {
          yield* until(port, "/ready", '"lagRecords":7')
          const { text } = yield* get(port, "/metrics")
          expect(text).toContain('musify_ingest_lag_records{topic="auth_events",partition="1"} 7')
          expect(
            Number(/lag_seconds\{topic="auth_events",partition="1"\} (\S+)/.exec(text)?.[1])
          ).toBeGreaterThan(1e9)
          isAway = true
          yield* until(port, "/ready", "The log cannot be reached: no broker")
        }),
      service
    )
  })

  it("name a port that is taken", () =>
    run((port) =>
      Effect.gen(function* () {
        const error = yield* Effect.scoped(
          Effect.flip(serveMonitoring(status, { port, host: "127.0.0.1", roll: every, every }))
        )
        expect(error).toMatchObject({ exitCode: 2 })
        expect(error.message).toContain(`127.0.0.1 port ${port}`)
      })
    ))
})

describe("layerOtlp", () => {
  it("sends the metrics to a collector, the last ones when it ends", async () => {
    const bodies: Array<string> = []
    const collector = http.createServer((request, response) => {
      let body = `${request.url} `
      request.on("data", (part: Buffer) => (body += part.toString()))
      request.on("end", () => {
        bodies.push(body)
        response.end("{}")
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
    const { port } = collector.address() as AddressInfo
    const counter = Metric.counter("test_otlp_total")
    await Effect.runPromise(
      Metric.incrementBy(counter, 7).pipe(
        Effect.provide(layerOtlp({ endpoint: `http://127.0.0.1:${port}/`, every: "1 hour", instance: "one" }))
      )
    )
    await new Promise((resolve) => collector.close(resolve))
    const [last] = bodies.slice(-1)
    expect(last).toMatch(/^\/v1\/metrics \{/)
    expect(last).toContain('"test_otlp_total"')
    expect(last).toContain("musify-ingestor")
    expect(last).toContain('"one"')
  })

  it("refuses what is no address", async () => {
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.scoped(Layer.build(layerOtlp({ endpoint: "collector", every: "1 hour", instance: "" })))
      )
    )
    expect(error).toMatchObject({ exitCode: 2 })
  })
})
