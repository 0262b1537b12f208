import { HttpRouter, HttpServerResponse } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { keepAliveMs } from "@musify/runtime/httpKeepAlive.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Clock, Effect, Metric, type Scope } from "effect"
import http from "node:http"
import { type IngestStatus, partitionName } from "../IngestStatus.ts"
import { prometheusText, prometheusType } from "./prometheusText.ts"
import { type ReadinessOptions, whyNotReady } from "./readiness.ts"
import { lagMs } from "./watchIngest.ts"

/** Effect counts its fibers, too: nothing for who runs an ingestor. */
const ownNames = /^(musify|process)_/

export interface MonitoringOptions extends ReadinessOptions {
  /** 0: any free port. */
  readonly port: number
  readonly host: string
}

const json = (status: number, body: unknown) =>
  Effect.succeed(HttpServerResponse.unsafeJson(body, { status, headers: { "cache-control": "no-store" } }))

/** What each partition does, for people who look. */
const partitionsOf = (status: IngestStatus, now: number) =>
  [...status.partitions].map((partition) => ({
    partition: partitionName(partition),
    phase: partition.phase,
    end: partition.end ?? null,
    lagRecords: partition.lag,
    lagSeconds: lagMs(partition, now) / 1000,
    ...(partition.reason === "" ? {} : { reason: partition.reason, message: partition.message })
  }))

/**
 * Serves /health, /ready and /metrics until the scope closes; answers the port. /health says that the process is there
 * and answers; /ready says whether it does its work, and if not (503), why not.
 */
export const serveMonitoring = (
  status: IngestStatus,
  options: MonitoringOptions
): Effect.Effect<{ readonly port: number }, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const { host, port } = options
    const server = http.createServer({ keepAliveTimeout: keepAliveMs })
    const listening = yield* NodeHttpServer.make(() => server, { port, host }).pipe(
      Effect.mapError(
        ({ cause }) =>
          new UserError({
            message: `Cannot serve metrics on ${host} port ${port}: ${(cause as Error).message}. Choose another port (--http-port), or stop the program that has it.`,
            exitCode: 2
          })
      )
    )
    // A scraper that keeps its connection must not keep the server from closing.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const ready = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const reasons = whyNotReady(status, options, now)
      return yield* json(reasons.length === 0 ? 200 : 503, {
        ready: reasons.length === 0,
        reasons,
        partitions: partitionsOf(status, now)
      })
    })
    const metrics = Effect.map(Metric.snapshot, (snapshot) => {
      const own = snapshot.filter(({ metricKey }) => ownNames.test(metricKey.name))
      return HttpServerResponse.text(prometheusText(own), { contentType: prometheusType })
    })
    const router = HttpRouter.empty.pipe(
      HttpRouter.get("/health", json(200, { status: "alive" })),
      HttpRouter.get("/ready", ready),
      HttpRouter.get("/metrics", metrics),
      Effect.catchTag("RouteNotFound", () =>
        json(404, { error: "There is /health, /ready and /metrics, by GET." })
      )
    )
    yield* listening.serve(router)
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : port }
  })
