import { dayMs } from "@musify/domain/Hour.ts"
import { dateOf } from "./datetime.ts"
import type { PageViewFact } from "./facts.ts"
import type { Logged } from "./logged.ts"
import { byBytes, groupBy, least } from "./order.ts"
import type { UserDimension } from "./users.ts"

/** A change of a user's level that happened. Times in epoch ms. */
export interface LevelStep {
  readonly user_id: number
  readonly changed_at: number
  readonly level_before: string
  readonly level_after: string
  readonly since: number
  readonly tag: string | null
}

/** The rows of level_steps: where a user's version has another level than the one before. */
export const levelSteps = (events: Iterable<Logged>, users: UserDimension): ReadonlyArray<LevelStep> => {
  const tags = groupBy(events, ({ event }) => `${event.userId} ${event.ts}`)
  return [...users.versions].flatMap(([user_id, versions]) => {
    const steps: Array<LevelStep> = []
    let since = versions[0].valid_from
    versions.forEach(({ level, valid_from }, i) => {
      const level_before = versions[Math.max(0, i - 1)].level
      if (level === level_before) return
      const said = tags.get(`${user_id} ${valid_from}`)!.flatMap(({ event }) => event.tag ?? [])
      const tag = least(said, byBytes) ?? null
      steps.push({ user_id, changed_at: valid_from, level_before, level_after: level, since, tag })
      since = valid_from
    })
    return steps
  })
}

/** Changes of level and cancellations of a day. */
export interface LevelStepsRow {
  readonly date: string
  readonly level_before: string
  readonly level_after: string
  readonly tag: string | null
  readonly days_before: number | null
  readonly changes: number
  readonly seconds_before: number | null
}

const daysBefore = ({ changed_at, since }: LevelStep): number => {
  const days = Math.floor((changed_at - since) / dayMs)
  return [0, 1, 2, 4, 8, 15, 31, 91].findLast((least) => days >= least)!
}

/** The rows of mart_level_steps. A cancellation is a user with a page of auth Cancelled on the day, by its level. */
export const levelStepDays = (
  steps: Iterable<LevelStep>,
  views: Iterable<PageViewFact>
): ReadonlyArray<LevelStepsRow> => {
  const grain = (step: LevelStep) => ({
    date: dateOf(step.changed_at),
    level_before: step.level_before,
    level_after: step.level_after,
    tag: step.tag,
    days_before: daysBefore(step)
  })
  const changes = [...groupBy(steps, (step) => JSON.stringify(grain(step))).values()].map((own) => ({
    ...grain(own[0]),
    changes: own.length,
    seconds_before: own.reduce(
      (sum, { changed_at, since }) => sum + Math.floor((changed_at - since) / 1000),
      0
    )
  }))
  const cancelled = [...views].filter(({ auth, user_id }) => auth === "Cancelled" && user_id !== null)
  const byLevel = groupBy(cancelled, ({ level, tag, ts }) => JSON.stringify([dateOf(ts), level, tag]))
  return [
    ...changes,
    ...[...byLevel.values()].map((own) => ({
      date: dateOf(own[0].ts),
      level_before: own[0].level,
      level_after: "cancelled",
      tag: own[0].tag,
      days_before: null,
      changes: new Set(own.map(({ user_id }) => user_id)).size,
      seconds_before: null
    }))
  ]
}
