import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { charts } from "../charts.ts"
import type { ChartName } from "../charts.ts"
import * as A from "./answers.ts"

const described = (description: string) => Schema.optional(Schema.String.annotations({ description }))

/** The same for every chart. */
export const ScopeParams = Schema.Struct({
  range: described("today, 7d (the default), 14d, 30d or all: whole UTC days up to the latest data."),
  from: described("Instead of range: first UTC day or hour, 2026-11-17 or 2026-11-17T08."),
  to: described("With from: last UTC day or hour, included."),
  state: described('Only plays in this state, a postal code like CA; "none" for plays without a state.'),
  limit: described("Rows of top-songs and top-artists, 1 to 100; 10 by default.")
})
export type ScopeParams = typeof ScopeParams.Type

const problem = <Status extends number>(status: Status, description: string) =>
  HttpApiSchema.withEncoding(
    Schema.Struct({ ...A.Problem.fields, status: Schema.Literal(status) }).annotations({
      identifier: `Problem${status}`,
      description,
      ...HttpApiSchema.annotations({ status })
    }),
    { kind: "Json", contentType: "application/problem+json" }
  )
const BadRequest = problem(400, "A parameter is not what was expected; detail says which and what.")
const ServiceUnavailable = problem(503, "Nothing is published yet, or what is published cannot be read.")

const endpoint = <const Name extends ChartName, R, I>(name: Name, row: Schema.Schema<R, I>) =>
  HttpApiEndpoint.get(name, `/api/${name}`)
    .setUrlParams(ScopeParams)
    .addSuccess(A.Answer(row))
    .addError(BadRequest)
    .addError(ServiceUnavailable)
    .annotate(OpenApi.Summary, charts[name].title)
    .annotate(OpenApi.Description, charts[name].definition)

const chartsGroup = HttpApiGroup.make("charts")
  .add(endpoint("summary", A.SummaryRow))
  .add(endpoint("trend", A.TrendRow))
  .add(endpoint("activity-by-hour", A.ActivityRow))
  .add(endpoint("states", A.StateRow))
  .add(endpoint("top-songs", A.SongRow))
  .add(endpoint("top-artists", A.ArtistRow))
  .add(endpoint("gender", A.GenderRow))
  .add(endpoint("level-by-gender", A.LevelByGenderRow))
  .add(endpoint("heatmap", A.HeatmapRow))
  .add(endpoint("active-users", A.ActiveUsersRow))
  .add(endpoint("level-changes", A.LevelChangeRow))
  .add(endpoint("retention", A.RetentionRow))
  .add(endpoint("skips", A.SkipsRow))
  .add(endpoint("devices", A.DeviceRow))
  .annotate(OpenApi.Description, "One endpoint per chart of the page. The same parameters everywhere.")

const pipelineGroup = HttpApiGroup.make("pipeline")
  .add(
    HttpApiEndpoint.get("status", "/api/status")
      .addSuccess(A.Status)
      .annotate(OpenApi.Description, "What is published: freshness, audits, late hours, rows of each table.")
  )
  .add(
    HttpApiEndpoint.get("live", "/api/live")
      .addSuccess(HttpApiSchema.withEncoding(A.Live, { kind: "Json", contentType: "text/event-stream" }))
      .annotate(
        OpenApi.Description,
        "Server-sent events, one a second: the log's event rate, and the version that is published."
      )
  )

/** The dashboard's HTTP API. Every answer has an ETag made of the published version and the query. */
export const DashboardApi = HttpApi.make("musify")
  .add(chartsGroup)
  .add(pipelineGroup)
  .annotate(OpenApi.Title, "Musify dashboard")
  .annotate(OpenApi.Version, "1")
  .annotate(
    OpenApi.Description,
    "The numbers of the dashboard, read from the published marts. All times are UTC. Errors are application/problem+json."
  )
