import { dayMs } from "@musify/domain/Hour.ts"
import { Clock, Effect } from "effect"
import type { Model } from "../Model.ts"
import { columnList } from "../Model.ts"
import { models } from "../models/models.ts"
import type { Pending, Publisher, PublishFacts } from "../Publisher.ts"
import type { WarehouseSession } from "../Warehouse.ts"
import type { WarehouseError } from "../WarehouseError.ts"

type Session = Pick<WarehouseSession, "dialect" | "query" | "define" | "transact">

/** Table of the one row that says what is published. */
export const versionTable = "published_version"

const published = models.filter(({ publish }) => publish !== undefined)

/** Name of a table in the readers' dataset. */
const inMarts = (marts: string, table: string): string => `\`${marts}.${table}\``

/** Statements that bring one pending part of a mart to the readers' dataset. */
const replacePart = (
  session: Session,
  marts: string,
  model: Model,
  day: number | null
): ReadonlyArray<string> => {
  const { dialect } = session
  const where =
    day === null
      ? "TRUE"
      : `hour >= ${dialect.timestamp(day * dayMs)} AND hour < ${dialect.timestamp((day + 1) * dayMs)}`
  const list = columnList(dialect, model)
  return [
    `DELETE FROM ${inMarts(marts, model.name)} WHERE ${where}`,
    `INSERT INTO ${inMarts(marts, model.name)} (${list}) SELECT ${list} FROM ${model.name} WHERE ${where}`
  ]
}

/**
 * Publishes marts as tables in a dataset of their own. One transaction replaces what is pending, so readers see the
 * state before it or after it. The first time, and when models have changed, each table is made anew by one statement.
 */
export const bigQueryPublisher = (session: Session, marts: string): Publisher => {
  const { dialect } = session
  const current = session
    .query("publish", `SELECT version FROM ${inMarts(marts, versionTable)}`)
    .pipe(Effect.map(([row]) => row?.["version"] as string | undefined))
  const say = (version: string, now: number, facts: PublishFacts): ReadonlyArray<string> => [
    `DELETE FROM ${inMarts(marts, versionTable)} WHERE TRUE`,
    `INSERT INTO ${inMarts(marts, versionTable)} VALUES (${dialect.text(version)}, ${dialect.timestamp(now)}, ${dialect.text(JSON.stringify(facts))})`
  ]
  const makeAll: ReadonlyArray<string> = [
    ...published.map((model) => dialect.createFrom(inMarts(marts, model.name), model)),
    dialect.create({
      name: inMarts(marts, versionTable),
      description: "Which version is published, and what it holds.",
      columns: [
        { name: "version", type: "string", nullable: false, description: "Version" },
        { name: "published_at", type: "timestamp", nullable: false, description: "When it was published" },
        { name: "facts", type: "string", nullable: false, description: "Hours, audits and rows, as JSON" }
      ]
    })
  ]
  const publish = <E>(
    pending: ReadonlyArray<Pending>,
    remembered: string | undefined,
    facts: PublishFacts,
    beforeSwap: Effect.Effect<void, E>
  ): Effect.Effect<string, WarehouseError | E> =>
    Effect.gen(function* () {
      const before = yield* Effect.option(current)
      const known = before._tag === "Some" ? before.value : undefined
      const version = `v${String(Number(/\d+/.exec(known ?? remembered ?? "")?.[0] ?? 0) + 1).padStart(8, "0")}`
      const now = yield* Clock.currentTimeMillis
      yield* beforeSwap
      if (remembered === undefined || known !== remembered) {
        yield* session.define("publish", [...makeAll, ...say(version, now, facts)])
        return version
      }
      // Whole days and tables: a script has room for so many statements, and a partition is read as a whole.
      const statements = published.flatMap((model) =>
        [...new Set(pending.filter(({ table }) => table === model.name).map(({ day }) => day))].flatMap(
          (day) => replacePart(session, marts, model, day)
        )
      )
      yield* session.transact(
        {
          id: `publish ${version}`,
          steps: [
            { name: "publish", phase: "build", statements: [...statements, ...say(version, now, facts)] }
          ],
          checks: []
        },
        { onStep: () => Effect.void, during: (_phase, effect) => effect }
      )
      return version
    })
  return {
    isSound: (version) =>
      current.pipe(
        Effect.map((found) => found !== undefined && found === version),
        Effect.orElseSucceed(() => false)
      ),
    publish
  }
}
