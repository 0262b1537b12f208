import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { Effect, Option, Schema } from "effect"
import { Buffer } from "node:buffer"
import type { AuditBucket } from "./AuditBucket.ts"
import type { Difference } from "./AuditReport.ts"
import type { ReadFailed } from "./DuckDbAudit.ts"

const FileEntry = Schema.Struct({ path: Schema.String, rows: Schema.Int, hash: Schema.String })

/** What the audit reads of a plan. It is not the lake's own reader: what that one overlooks is to be found here. */
const PlanFile = Schema.parseJson(
  Schema.Struct({
    topic: Schema.String,
    partition: Schema.Int,
    seq: Schema.Int,
    start: Schema.Int,
    end: Schema.Int,
    decoder: Schema.Int,
    files: Schema.Array(Schema.Struct({ ...FileEntry.fields, hour: Schema.Int })),
    deadLetters: Schema.Array(FileEntry)
  })
)
export type PlanFile = typeof PlanFile.Type

/** The chain of one (topic, partition) as its JSON files tell it. */
export interface Chain {
  readonly topic: Topic
  readonly partition: number
  /** By seq. */
  readonly plans: ReadonlyArray<PlanFile>
  /** How many of the plans are closed: sealed, or followed by another. Files of others may not be there yet. */
  readonly closed: number
}

/** End of the closed plans: offsets below it must be in the lake. Undefined when there is none. */
export const closedEnd = (chain: Chain): number | undefined => chain.plans[chain.closed - 1]?.end

const decode = Schema.decodeUnknownEither(PlanFile)

/** Plans that are read at a time. */
const plansAtOnce = 16

const chainPlace = /^log\/([^/]+)\/(\d+)\/(\d+)\.(plan|seal)\.json$/

/** Names of the plans of one chain, in order, and the seqs that are sealed. */
interface ChainNames {
  readonly plans: Array<string>
  readonly seals: Set<number>
}

const readChain = (
  bucket: AuditBucket,
  topic: Topic,
  partition: number,
  { plans: names, seals }: ChainNames,
  wrong: Array<Difference>,
  onRead: Effect.Effect<void>
): Effect.Effect<Chain, ReadFailed | ObjectStoreError> =>
  Effect.gen(function* () {
    const read = yield* Effect.forEach(
      names,
      (name) =>
        bucket.read(name).pipe(
          Effect.catchTag("ReadFailed", () => Effect.succeedNone),
          Effect.zipLeft(onRead)
        ),
      { concurrency: plansAtOnce }
    )
    const plans: Array<PlanFile> = []
    for (const [i, name] of names.entries()) {
      const problem = (text: string) => wrong.push({ file: bucket.locate(name), problem: text })
      const decoded = decode(Buffer.from(Option.getOrElse(read[i], () => new Uint8Array(0))).toString("utf8"))
      if (decoded._tag === "Left") {
        problem("is no plan: the file is damaged")
        continue
      }
      const plan = decoded.right
      const before = plans[plans.length - 1]
      const seq = before === undefined ? 0 : before.seq + 1
      if (
        plan.topic !== topic ||
        plan.partition !== partition ||
        plan.seq !== Number(chainPlace.exec(name)?.[3])
      )
        problem(`says that it is plan ${plan.seq} of ${plan.topic}/${plan.partition}`)
      if (plan.seq !== seq) problem(`is plan ${plan.seq}, but plan ${seq} is missing`)
      if (before !== undefined && plan.start !== before.end)
        wrong.push({
          topic,
          partition,
          from: Math.min(before.end, plan.start),
          to: Math.max(before.end, plan.start),
          problem: `plan ${before.seq} ends at ${before.end}, plan ${plan.seq} starts at ${plan.start}`
        })
      if (plan.end < plan.start) problem(`ends at ${plan.end}, before its start ${plan.start}`)
      plans.push(plan)
    }
    const last = plans[plans.length - 1]
    const closed = last === undefined ? 0 : seals.has(last.seq) ? plans.length : plans.length - 1
    return { topic, partition, plans, closed }
  })

/** All chains under the bucket's `log/`, and what is wrong with them: damaged, missing or overlapping plans. */
export const readChains = (
  bucket: AuditBucket
): Effect.Effect<
  { readonly chains: ReadonlyArray<Chain>; readonly wrong: ReadonlyArray<Difference> },
  ReadFailed | ObjectStoreError
> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    const wrong: Array<Difference> = []
    const found: Array<{ readonly topic: Topic; readonly partition: number; readonly names: ChainNames }> = []
    for (const topic of topics) {
      const partitions = new Map<number, ChainNames>()
      for (const { name } of yield* bucket.list(`log/${topic}/`)) {
        const [, , partition, seq, kind] = chainPlace.exec(name) ?? []
        if (partition === undefined) continue
        const names = partitions.get(Number(partition)) ?? { plans: [], seals: new Set() }
        partitions.set(Number(partition), names)
        if (kind === "plan") names.plans.push(name)
        else names.seals.add(Number(seq))
      }
      for (const [partition, names] of [...partitions].sort(([a], [b]) => a - b))
        found.push({ topic, partition, names })
    }
    const total = found.reduce((sum, { names }) => sum + names.plans.length, 0)
    let done = 0
    const onRead = Effect.suspend(() => progress.report("plans", { done: ++done, total, unit: "plans" }))
    const chains = yield* Effect.forEach(found, ({ names, partition, topic }) =>
      readChain(bucket, topic, partition, names, wrong, onRead)
    )
    yield* progress.finish("plans")
    return { chains, wrong }
  })
