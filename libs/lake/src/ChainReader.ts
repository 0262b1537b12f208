import type { Topic } from "@musify/domain/Topic.ts"
import { Effect, Option } from "effect"
import { readPlan } from "./Chain.ts"
import { ChainHalted } from "./ChainError.ts"
import { ObjectStore } from "./ObjectStore.ts"
import type { ObjectStoreError } from "./ObjectStoreError.ts"
import { chainPrefix, planName } from "./objectNames.ts"
import type { Plan } from "./Plan.ts"

/** Closed plans of a chain, in order, and the seq at which the next reading starts. */
export interface ClosedPlans {
  readonly plans: ReadonlyArray<Plan>
  readonly nextSeq: number
}

/** The partitions of a topic that have a chain, ascending. */
export const partitionsWithChains = (
  topic: Topic
): Effect.Effect<ReadonlyArray<number>, ObjectStoreError, ObjectStore> =>
  Effect.gen(function* () {
    const store = yield* ObjectStore
    const found: Array<number> = []
    // One entry of each partition is read; the next listing starts behind all names of that partition.
    for (let startAt = `log/${topic}/`; ;) {
      const [entry] = yield* store.list(`log/${topic}/`, { startAt, limit: 1 })
      if (entry === undefined) return found.sort((a, b) => a - b)
      const folder = entry.name.split("/")[2]
      if (/^\d+$/.test(folder)) found.push(Number(folder))
      startAt = `log/${topic}/${folder}0`
    }
  })

const pageSize = 1000

/**
 * The closed plans of a partition from `fromSeq` on: those whose seal or next plan is there, so that all their files
 * are. Files of a plan that is still open must be left alone.
 */
export const closedPlans = (
  topic: Topic,
  partition: number,
  fromSeq: number
): Effect.Effect<ClosedPlans, ObjectStoreError | ChainHalted, ObjectStore> =>
  Effect.gen(function* () {
    const store = yield* ObjectStore
    const prefix = chainPrefix(topic, partition)
    const planned = new Set<number>()
    const sealed = new Set<number>()
    let last = -1
    for (let startAt = planName(topic, partition, fromSeq); ;) {
      const page = yield* store.list(prefix, { startAt, limit: pageSize })
      for (const { name } of page) {
        const [seq, kind] = name.slice(prefix.length).split(".")
        if (kind === "plan") {
          planned.add(Number(seq))
          last = Math.max(last, Number(seq))
        } else if (kind === "seal") sealed.add(Number(seq))
      }
      if (page.length < pageSize) break
      startAt = `${page[page.length - 1].name}\u0000`
    }
    const plans: Array<Plan> = []
    let seq = fromSeq
    for (; seq < last || (seq === last && sealed.has(seq)); seq++) {
      const plan = planned.has(seq) ? yield* readPlan(store, topic, partition, seq) : Option.none<Plan>()
      if (Option.isNone(plan))
        return yield* new ChainHalted({
          topic,
          partition,
          reason: "damaged object",
          message: `${store.locate(planName(topic, partition, seq))} is missing, but later plans are there. Restore it from a backup.`
        })
      plans.push(plan.value)
    }
    return { plans, nextSeq: seq }
  })
