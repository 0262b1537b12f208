import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Effect, Schema } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import type { Difference } from "./AuditReport.ts"

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

const namesIn = async (folder: string): Promise<ReadonlyArray<string>> => {
  try {
    return (await fs.readdir(folder)).sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return []
    throw cause
  }
}

const decode = Schema.decodeUnknownSync(PlanFile)

const readChain = async (folder: string, topic: Topic, partition: number, wrong: Array<Difference>) => {
  const names = await namesIn(folder)
  const seals = new Set(
    names.filter((name) => name.endsWith(".seal.json")).map((name) => Number.parseInt(name, 10))
  )
  const plans: Array<PlanFile> = []
  for (const name of names) {
    if (!name.endsWith(".plan.json")) continue
    const file = path.join(folder, name)
    const problem = (text: string) => wrong.push({ file, problem: text })
    let plan: PlanFile
    try {
      plan = decode(await fs.readFile(file, "utf8"))
    } catch {
      problem("is no plan: the file is damaged")
      continue
    }
    const before = plans[plans.length - 1]
    const seq = before === undefined ? 0 : before.seq + 1
    if (plan.topic !== topic || plan.partition !== partition || plan.seq !== Number.parseInt(name, 10))
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
}

/** All chains under `<bucket>/log`, and what is wrong with them: damaged, missing or overlapping plans. */
export const readChains = (
  bucket: string
): Effect.Effect<{ readonly chains: ReadonlyArray<Chain>; readonly wrong: ReadonlyArray<Difference> }> =>
  Effect.promise(async () => {
    const wrong: Array<Difference> = []
    const chains: Array<Chain> = []
    for (const topic of topics) {
      const partitions = (await namesIn(path.join(bucket, "log", topic))).filter((name) => /^\d+$/.test(name))
      for (const partition of partitions.map(Number).sort((a, b) => a - b))
        chains.push(
          await readChain(path.join(bucket, "log", topic, String(partition)), topic, partition, wrong)
        )
    }
    return { chains, wrong }
  })
