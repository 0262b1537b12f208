import { topics } from "@musify/domain/Topic.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Effect } from "effect"
import type { AuditBucket } from "./AuditBucket.ts"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { Chain } from "./chains.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import type { Run } from "./runs.ts"
import { joined } from "./runs.ts"
import type { Stored } from "./storedRuns.ts"
import { storedRuns } from "./storedRuns.ts"

/** What a partition's files hold against the plans of its chain; `rows`: of its closed plans. */
const checkPartition = (
  { closed, partition, plans, topic }: Chain,
  stored: ReadonlyArray<Stored>
): { readonly rows: number; readonly wrong: ReadonlyArray<Difference> } => {
  const wrong: Array<Difference> = []
  const say = ([from, to]: Run, problem: string) => wrong.push({ topic, partition, from, to, problem })
  for (const { run, times } of stored)
    if (times > 1) say(run, `${times} times in the lake and its dead letters`)
  const runs = joined(stored.map(({ run }) => run))
  const start = plans[0]?.start ?? Number.POSITIVE_INFINITY
  for (const [from, to] of runs)
    if (from < start)
      say([from, Math.min(to, start)], "in the lake or its dead letters, but no plan covers it")
  let rows = 0
  let at = 0
  for (const plan of plans.slice(0, closed)) {
    const planned = [...plan.files, ...plan.deadLetters].reduce((sum, file) => sum + file.rows, 0)
    // Plans and runs both rise: each is passed once.
    while (at < runs.length && runs[at][1] <= plan.start) at++
    let held = 0
    for (let i = at; i < runs.length && runs[i][0] < plan.end; i++)
      held += Math.min(runs[i][1], plan.end) - Math.max(runs[i][0], plan.start)
    if (held !== planned)
      say(
        [plan.start, plan.end],
        `plan ${plan.seq} says ${planned} records, the lake and its dead letters hold ${held}`
      )
    rows += planned
  }
  return { rows, wrong }
}

/**
 * Where there is no log to compare with: whatever lies in the lake and its dead letters, by a plain glob, is there once,
 * in the range of a plan, and as many records as each closed plan says. Read the chains before: what they call closed is
 * then in the lake.
 */
export const checkPlans = (
  db: AuditDb,
  bucket: AuditBucket,
  chains: ReadonlyArray<Chain>
): Effect.Effect<Check, ReadFailed | ObjectStoreError> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    let checked = 0
    for (const topic of topics) {
      const { runs, unreadable } = yield* storedRuns(db, bucket, topic)
      wrong.push(...unreadable)
      // What could not be read would be told again as missing.
      if (unreadable.length > 0) continue
      const own = chains.filter((chain) => chain.topic === topic)
      for (const chain of own) {
        const { partition } = chain
        const found = checkPartition(
          chain,
          runs.filter((one) => one.partition === partition)
        )
        checked += found.rows
        wrong.push(...found.wrong)
      }
      for (const { partition, run } of runs)
        if (!own.some((chain) => chain.partition === partition))
          wrong.push({
            topic,
            partition,
            from: run[0],
            to: run[1],
            problem: "in the lake or its dead letters, but the partition has no chain"
          })
    }
    return makeCheck("lake + dead letters = plans, each offset once", checked, "records", wrong)
  })
