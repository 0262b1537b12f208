import type { ScopeParams } from "../api/DashboardApi.ts"
import type { Answer } from "../api/answers.ts"
import type { NothingPublished, PublishedUnreadable } from "../DashboardError.ts"
import type { Marts } from "../Marts.ts"
import type { Query, Scope } from "../queries.ts"
import { Effect, Either } from "effect"
import { longestChart } from "../queries.ts"
import { dataSpan, hourIso, parsePeriod } from "../period.ts"
import { problemOf } from "./problem.ts"

/** The period and filters that parameters ask for, or what is wrong with them. */
export const parseScope = (params: ScopeParams, marts: Marts): Either.Either<Scope, string> => {
  const span = dataSpan(marts.manifest) ?? { first: 0, end: 0, closed: 0 }
  const state = params.state === undefined || params.state === "" ? null : params.state
  if (state !== null && state !== "none" && !/^[A-Z]{2}$/.test(state)) {
    return Either.left(`state is ${JSON.stringify(state)}: a postal code like CA, or none, was expected.`)
  }
  return Either.map(parsePeriod(params, span), (period) => ({ period, state }))
}

/** Rows of a chart that was asked for with `limit`; 10 by default. */
export const parseLimit = (params: ScopeParams): Either.Either<number, string> => {
  const limit = params.limit === undefined ? 10 : Number(params.limit)
  return Number.isInteger(limit) && limit >= 1 && limit <= longestChart
    ? Either.right(limit)
    : Either.left(`limit is ${JSON.stringify(params.limit)}: 1 to ${longestChart} was expected.`)
}

/** Why a chart has no answer. */
export type ChartProblem = ReturnType<typeof problemOf<400>> | ReturnType<typeof problemOf<503>>

const unavailable = (error: NothingPublished | PublishedUnreadable) => problemOf(503, error.message)

/** Runs a query over the version in force for the scope that the parameters ask for. */
export const answer = <R>(
  marts: Effect.Effect<Marts, NothingPublished | PublishedUnreadable>,
  params: ScopeParams,
  query: (limit: number) => Query<R>
): Effect.Effect<Answer<R>, ChartProblem> =>
  Effect.gen(function* () {
    const open = yield* Effect.mapError(marts, unavailable)
    const asked = Either.all({ scope: parseScope(params, open), limit: parseLimit(params) })
    if (Either.isLeft(asked)) return yield* Effect.fail(problemOf(400, asked.left))
    const { scope, limit } = asked.right
    const { rows, sql } = yield* Effect.mapError(query(limit)(open, scope), unavailable)
    return {
      version: open.manifest.version,
      through: open.manifest.through,
      period: { from: hourIso(scope.period.from), to: hourIso(scope.period.to) },
      state: scope.state,
      sql,
      rows
    }
  })
