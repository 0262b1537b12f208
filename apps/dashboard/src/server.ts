import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { keepAliveMs } from "@musify/runtime/httpKeepAlive.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { EventLog } from "@musify/stream/EventLog.ts"
import type { Scope } from "effect"
import { Cause, Effect, Layer, Option } from "effect"
import http from "node:http"
import { apiLayer } from "./http/apiLayer.ts"
import { assetResponse, loadAssets } from "./http/assets.ts"
import { makeAnswerCache } from "./http/cache.ts"
import { problemResponse } from "./http/problem.ts"
import { hostAllowed, withSecurityHeaders } from "./http/security.ts"
import { liveMonitor } from "./liveMonitor.ts"
import { followPublished } from "./Published.ts"

/** How a dashboard is served. */
export interface DashboardOptions {
  /** 0: any free port. */
  readonly port: number
  /** Address to listen on. */
  readonly host: string
  /** The published/ folder of the embedded bucket; it need not be there yet. */
  readonly published: string
}

const listen = (server: http.Server, { port, host }: DashboardOptions) =>
  NodeHttpServer.make(() => server, { port, host }).pipe(
    Effect.mapError(({ cause }) => {
      const code = (cause as NodeJS.ErrnoException).code
      const message =
        code === "EADDRINUSE"
          ? `Port ${port} of ${host} is taken by another program: choose another with --port, or stop that program.`
          : code === "EACCES"
            ? `Port ${port} needs rights that this user does not have: choose one above 1023 with --port.`
            : `Cannot listen on ${host} port ${port}: ${(cause as Error).message}.`
      return new UserError({ message, exitCode: 2 })
    })
  )

/** The router's own refusal of parameters (one given twice, say), as a problem like all others. */
const asProblem = (
  response: HttpServerResponse.HttpServerResponse
): HttpServerResponse.HttpServerResponse => {
  const { body, status } = response
  if (status < 400 || body._tag !== "Uint8Array" || body.contentType === "application/problem+json")
    return response
  const { message } = JSON.parse(new TextDecoder().decode(body.body)) as { readonly message?: string }
  return problemResponse(status, message ?? "The parameters are not what was expected; see /docs.")
}

/** What a failed request is told; defects name no internals. */
const failureResponse = (cause: Cause.Cause<unknown>): HttpServerResponse.HttpServerResponse => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return typeof error === "object" && error !== null && "_tag" in error && error._tag === "RouteNotFound"
    ? problemResponse(404, "There is no such page or endpoint. The API is described at /docs.")
    : problemResponse(500, "This request failed in the dashboard itself; its log says why.")
}

/**
 * Serves page, API and docs until the scope closes; answers the port. It listens at once, before anything is published.
 * Fails with a UserError (exit 2) when the port is taken.
 */
export const serveDashboard = (
  options: DashboardOptions
): Effect.Effect<{ readonly port: number }, UserError, Scope.Scope | EventLog> =>
  Effect.gen(function* () {
    const server = http.createServer({ keepAliveTimeout: keepAliveMs })
    const listening = yield* listen(server, options)
    // An open page (its event stream) must not keep the server from closing.
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    const published = yield* followPublished(options.published)
    const live = yield* liveMonitor(published)
    const assets = yield* loadAssets
    const context = yield* Layer.build(
      Layer.mergeAll(
        apiLayer(published, live),
        HttpApiBuilder.Router.Live,
        HttpApiBuilder.Middleware.layer,
        NodeHttpServer.layerContext
      )
    )
    const api = Effect.provide(yield* Effect.provide(HttpApiBuilder.httpApp, context), context)
    const cached = makeAnswerCache(
      published.marts.pipe(
        Effect.map((marts) => marts.manifest.version),
        Effect.orElseSucceed(() => undefined)
      )
    )(api)
    const app: HttpApp.Default = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      if (!hostAllowed(request.headers.host, options.host)) {
        return problemResponse(
          403,
          `The Host header ${JSON.stringify(request.headers.host ?? "")} does not name this server.`
        )
      }
      if (request.method !== "GET" && request.method !== "HEAD") {
        return problemResponse(405, `${request.method} is not allowed: this server only reads.`)
      }
      const asset = assets.get(request.url.split("?", 1)[0])
      return asset !== undefined ? assetResponse(asset, request.headers) : asProblem(yield* cached)
    }).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause as Cause.Cause<never>)
          : Effect.as(Effect.logDebug("Request failed", cause), failureResponse(cause))
      ),
      Effect.map(withSecurityHeaders)
    )
    yield* listening.serve(app)
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : options.port }
  })
