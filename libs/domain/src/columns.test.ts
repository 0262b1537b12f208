import { describe, expect, it } from "vitest"
import { columnsOf, lakeColumnsOf } from "./columns.ts"
import { bigqueryField, duckdbType, parquetElement } from "./columnTypes.ts"
import { eventJsonSchema } from "./jsonSchema.ts"
import type { Topic } from "./Topic.ts"
import { topics } from "./Topic.ts"

/** What the design says of each topic, in short: name, type, "?" = nullable. */
const expected: Record<Topic, string> = {
  listen_events:
    "ts:timestamp sessionId:int64 itemInSession:int32 level:string auth:string userId:int64? firstName:string? lastName:string? gender:string? registration:timestamp? city:string? state:string? zip:string? lat:float64? lon:float64? userAgent:string? artist:string song:string duration:float64 tag:string?",
  page_view_events:
    "ts:timestamp sessionId:int64 itemInSession:int32 level:string auth:string userId:int64? firstName:string? lastName:string? gender:string? registration:timestamp? city:string? state:string? zip:string? lat:float64? lon:float64? userAgent:string? artist:string? song:string? duration:float64? page:string method:string status:int32 tag:string?",
  auth_events:
    "ts:timestamp sessionId:int64 itemInSession:int32 level:string userId:int64? firstName:string? lastName:string? gender:string? registration:timestamp? city:string? state:string? zip:string? lat:float64? lon:float64? userAgent:string? success:boolean tag:string?",
  status_change_events:
    "ts:timestamp sessionId:int64 itemInSession:int32 level:string auth:string userId:int64? firstName:string? lastName:string? gender:string? registration:timestamp? city:string? state:string? zip:string? lat:float64? lon:float64? userAgent:string? tag:string?"
}

describe.each(topics)("%s", (topic) => {
  it("has the columns of the design, in order, and the position in the log after them", () => {
    const text = (columns: ReadonlyArray<{ name: string; type: string; nullable: boolean }>) =>
      columns.map(({ name, nullable, type }) => `${name}:${type}${nullable ? "?" : ""}`).join(" ")
    expect(text(columnsOf(topic))).toBe(expected[topic])
    expect(text(lakeColumnsOf(topic))).toBe(`${expected[topic]} _partition:int32 _offset:int64`)
  })

  it("describes every column", () => {
    for (const column of lakeColumnsOf(topic)) expect(column.description, column.name).toMatch(/\w{4}/)
  })

  it("says the same in JSON Schema: its fields, what is required, and that others are allowed", () => {
    const schema = eventJsonSchema(topic)
    expect(Object.keys(schema.properties)).toEqual(columnsOf(topic).map((column) => column.name))
    expect(schema.required).toEqual(
      columnsOf(topic)
        .filter((column) => !column.nullable)
        .map((column) => column.name)
    )
    expect(schema.additionalProperties).not.toBe(false)
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })
})

it("maps types to Parquet, DuckDB and BigQuery", () => {
  const [ts] = columnsOf("auth_events")
  const userId = columnsOf("auth_events").find((column) => column.name === "userId")!
  expect(parquetElement(ts)).toEqual({
    name: "ts",
    type: "INT64",
    repetition_type: "REQUIRED",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" }
  })
  expect(parquetElement(userId)).toEqual({ name: "userId", type: "INT64", repetition_type: "OPTIONAL" })
  expect(duckdbType[userId.type]).toBe("BIGINT")
  expect(bigqueryField(userId)).toEqual({
    name: "userId",
    type: "INT64",
    mode: "NULLABLE",
    description: "Null for guests and logged-out sessions"
  })
})
