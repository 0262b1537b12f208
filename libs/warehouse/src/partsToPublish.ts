import type { Hour } from "@musify/domain/Hour.ts"
import { dayMs, dayText, hourText } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { ByChanges, Model } from "./Model.ts"
import type { Pending } from "./Publisher.ts"
import type { PublishedFile } from "./verifyPublished.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** A file that a published table has: which it is, and which rows are in it. */
export interface Part extends Pick<PublishedFile, "path" | "day" | "hour" | "changes"> {
  /** Whether it may have other rows than the version before has in a file of this path. */
  readonly isChanged: boolean
  /** Condition on the table's rows. */
  readonly where: string
}

/** Changes are kept beside the file that they change until they are more than one of so many of its rows. */
const mostChanges = 5

const dayOf = (hour: Hour): number => Math.floor(hour / 24)

const between = (sql: Dialect, from: Hour, to: Hour): string =>
  `hour >= ${sql.hourStart(String(from))} AND hour < ${sql.hourStart(String(to))}`

const dayPart = (sql: Dialect, table: string, day: number, isChanged: boolean): Part => {
  const name = dayText(day * 24)
  return {
    path: `${table}/${name}.parquet`,
    day: name,
    isChanged,
    where: between(sql, day * 24, day * 24 + 24)
  }
}

const hourPart = (sql: Dialect, table: string, hour: Hour, isChanged: boolean): Part => ({
  path: `${table}/${hourText(hour)}.parquet`,
  day: dayText(hour),
  hour,
  isChanged,
  where: between(sql, hour, hour + 1)
})

/**
 * Files of a table that is published by day. The newest day, which is being filled, is in files of hours, so that an
 * hour does not write the day again. Once there is something of a later day it becomes one file, and stays one, so a long
 * history has no more files than days. Newest is what is `pending` now: an event of a day to come holds up no day.
 */
export const partsByDay = (
  sql: Dialect,
  table: string,
  before: ReadonlyArray<PublishedFile>,
  pending: ReadonlyArray<Pick<Pending, "day" | "hour">>
): ReadonlyArray<Part> => {
  const days = new Map<number, { isOne: boolean; isChanged: boolean; readonly hours: Map<Hour, boolean> }>()
  const at = (day: number) => {
    const known = days.get(day) ?? { isOne: false, isChanged: false, hours: new Map<Hour, boolean>() }
    days.set(day, known)
    return known
  }
  for (const { day, hour } of before)
    if (hour !== undefined) at(dayOf(hour)).hours.set(hour, false)
    else if (day !== null) at(Date.parse(day) / dayMs).isOne = true
  let newest = -Infinity
  for (const { day, hour } of pending) {
    if (day === null) continue
    newest = Math.max(newest, day)
    const one = at(day)
    one.isChanged = true
    if (hour === null) one.isOne = true
    else one.hours.set(hour, true)
  }
  return [...days]
    .sort(([a], [b]) => a - b)
    .flatMap(([day, { hours, isChanged, isOne }]) => {
      if (isOne) return [dayPart(sql, table, day, isChanged)]
      if (day < newest) return [dayPart(sql, table, day, true)]
      return [...hours].sort(([a], [b]) => a - b).map(([hour, isNew]) => hourPart(sql, table, hour, isNew))
    })
}

/** Everything of a table that is published by day, as if it had waited. */
const allHours = (
  session: WarehouseSession,
  table: string
): Effect.Effect<ReadonlyArray<Pick<Pending, "day" | "hour">>, WarehouseError> =>
  Effect.map(
    session.query("publish", `SELECT DISTINCT ${session.dialect.hourOf("hour")} AS hour FROM ${table}`),
    (rows) =>
      rows.map((row) => {
        const hour = Number(row["hour"])
        return { day: dayOf(hour), hour }
      })
  )

/** The file of all rows, written anew when it is `isChanged`, and the one of those that have changed since it was written. */
const partsByChanges = (
  session: WarehouseSession,
  { key, name }: Model,
  { touched }: ByChanges,
  before: ReadonlyArray<PublishedFile>,
  pending: ReadonlyArray<Pending>
): Effect.Effect<ReadonlyArray<Part>, WarehouseError> =>
  Effect.gen(function* () {
    const whole = { path: `${name}.parquet`, day: null, isChanged: false, where: "TRUE" }
    const base = before.find(({ changes }) => changes === undefined)
    if (base === undefined || pending.some(({ hour }) => hour === null))
      return [{ ...whole, isChanged: true }]
    const hours = [...before.map(({ changes }) => changes?.since), ...pending.map(({ hour }) => hour)]
    const since = hours.reduce<number>((least, hour) => Math.min(least, hour ?? Infinity), Infinity)
    if (since === Infinity) return [whole]
    const where = `${touched} >= ${session.dialect.hourStart(String(since))}`
    if (pending.length > 0) {
      const [count] = yield* session.query("publish", `SELECT count(*) AS n FROM ${name} WHERE ${where}`)
      if (Number(count["n"]) * mostChanges > base.rows) return [{ ...whole, isChanged: true }]
    }
    return [
      whole,
      {
        path: `${name}.changes.parquet`,
        day: null,
        changes: { key: key.join(", "), since },
        isChanged: pending.length > 0,
        where
      }
    ]
  })

/** The files that a table's next version has; `before`: those that it has now, if it is to go on from them. */
export const partsToPublish = (
  session: WarehouseSession,
  model: Model,
  before: ReadonlyArray<PublishedFile> | undefined,
  pending: ReadonlyArray<Pending>
): Effect.Effect<ReadonlyArray<Part>, WarehouseError> => {
  const { dialect } = session
  if (typeof model.publish === "object")
    return partsByChanges(session, model, model.publish, before ?? [], pending)
  if (model.publish === "day")
    return before === undefined
      ? Effect.map(allHours(session, model.name), (all) => partsByDay(dialect, model.name, [], all))
      : Effect.succeed(partsByDay(dialect, model.name, before, pending))
  return Effect.succeed([
    {
      path: `${model.name}.parquet`,
      day: null,
      isChanged: before === undefined || pending.length > 0,
      where: "TRUE"
    }
  ])
}
