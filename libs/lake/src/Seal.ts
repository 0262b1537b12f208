import { topics } from "@musify/domain/Topic.ts"
import { Schema } from "effect"
import type { Plan } from "./Plan.ts"

/**
 * Says that every file of a plan is there, when no next plan says it. Stored at `log/<topic>/<partition>/<seq>.seal.json`,
 * if absent. It names what it closes and not who wrote it, so all seals of a plan are the same bytes.
 */
export const Seal = Schema.Struct({
  version: Schema.Int,
  topic: Schema.Literal(...topics),
  partition: Schema.Int,
  seq: Schema.Int,
  start: Schema.Int,
  end: Schema.Int,
  files: Schema.Int
})
export type Seal = typeof Seal.Type

export const sealOf = (plan: Plan): Seal => ({
  version: plan.version,
  topic: plan.topic,
  partition: plan.partition,
  seq: plan.seq,
  start: plan.start,
  end: plan.end,
  files: plan.files.length + plan.deadLetters.length
})

const encodeSeal = Schema.encodeSync(Seal)

export const sealText = (seal: Seal): string => JSON.stringify(encodeSeal(seal))
