import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect, Layer, Stream } from "effect"
import { DashboardApi } from "../api/DashboardApi.ts"
import type { Live, Status } from "../api/answers.ts"
import { hostSleep } from "../Published.ts"
import type { Published } from "../Published.ts"
import * as queries from "../queries.ts"
import { answer } from "./answers.ts"

const status = (published: Published): Effect.Effect<Status> =>
  Effect.gen(function* () {
    const problem = yield* published.problem
    const open = yield* Effect.option(published.marts)
    if (open._tag === "None") {
      const nothing = { version: null, publishedAt: null, through: null, firstHour: null, lastHour: null }
      return { ...nothing, lateHours: [], audits: { passed: 0, total: 0, failed: [] }, rows: {}, problem }
    }
    const { version, publishedAt, through, firstHour, lastHour, lateHours, audits, rows } =
      open.value.manifest
    return { version, publishedAt, through, firstHour, lastHour, lateHours, audits, rows, problem }
  })

/** One message a second of real time for as long as the page listens. */
const liveResponse = (live: Effect.Effect<Live>) =>
  HttpServerResponse.stream(
    Stream.repeatEffect(Effect.zipLeft(live, hostSleep("1 second"))).pipe(
      Stream.map((message) => `data: ${JSON.stringify(message)}\n\n`),
      Stream.encodeText
    ),
    { contentType: "text/event-stream", headers: { "cache-control": "no-store", "x-accel-buffering": "no" } }
  )

/** The handlers of the API over what is published. */
export const apiLayer = (published: Published, live: Effect.Effect<Live>) => {
  const { marts } = published
  const charts = HttpApiBuilder.group(DashboardApi, "charts", (handlers) =>
    handlers
      .handle("summary", ({ urlParams }) => answer(marts, urlParams, () => queries.summary))
      .handle("trend", ({ urlParams }) => answer(marts, urlParams, () => queries.trend))
      .handle("activity-by-hour", ({ urlParams }) => answer(marts, urlParams, () => queries.activityByHour))
      .handle("states", ({ urlParams }) => answer(marts, urlParams, () => queries.states))
      .handle("top-songs", ({ urlParams }) => answer(marts, urlParams, queries.topSongs))
      .handle("top-artists", ({ urlParams }) => answer(marts, urlParams, queries.topArtists))
      .handle("gender", ({ urlParams }) => answer(marts, urlParams, () => queries.gender))
      .handle("level-by-gender", ({ urlParams }) => answer(marts, urlParams, () => queries.levelByGender))
      .handle("heatmap", ({ urlParams }) => answer(marts, urlParams, () => queries.heatmap))
      .handle("active-users", ({ urlParams }) => answer(marts, urlParams, () => queries.activeUsers))
      .handle("level-changes", ({ urlParams }) => answer(marts, urlParams, () => queries.levelChanges))
      .handle("retention", ({ urlParams }) => answer(marts, urlParams, () => queries.retention))
      .handle("skips", ({ urlParams }) => answer(marts, urlParams, () => queries.skips))
      .handle("devices", ({ urlParams }) => answer(marts, urlParams, () => queries.devices))
  )
  const pipeline = HttpApiBuilder.group(DashboardApi, "pipeline", (handlers) =>
    handlers
      .handle("status", () => status(published))
      .handleRaw("live", () => Effect.succeed(liveResponse(live)))
  )
  return HttpApiBuilder.api(DashboardApi).pipe(Layer.provide([charts, pipeline]))
}
