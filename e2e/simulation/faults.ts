import type { Step } from "./steps.ts"
import { changes, isOfLog } from "./steps.ts"

/** What strikes one call of a writer, or, at that call, the world around it. */
export const strikes = [
  /** The writer is killed: before the call leaves it, on the way (it takes effect long after), with the effect done. */
  "killed before",
  "killed in flight",
  "killed after",
  /** The writer stands still until another one has gone on, or for hours: before the call, or before its answer. */
  "paused before",
  "paused after",
  /** The call fails and had no effect; had its effect; will have it later. */
  "refused",
  "lost answer",
  "late effect",
  "slow answer",
  /** From this call on nothing answers, for seconds or for hours. */
  "store away",
  "log away",
  /** The group moves partitions about, many times. */
  "rebalance storm",
  /** All members are told that all partitions are theirs. */
  "two writers",
  /** The writer is killed and its successor is of a release with another decoder. */
  "other release",
  /** The log drops records: some that the lake has, or some that it still needs. */
  "retention",
  /** The partition is deleted and made anew. */
  "recreated shorter",
  "recreated longer"
] as const
export type Strike = (typeof strikes)[number]

/** What is so while a call is under way. */
export const conditions = ["clock skew", "holes in the log"] as const
export type Condition = (typeof conditions)[number]

export type Fault = Strike | Condition
export const faults: ReadonlyArray<Fault> = [...strikes, ...conditions]

/** Whether a fault can strike a step. */
export const applies = (step: Step, fault: Fault): boolean => {
  if (fault === "killed in flight" || fault === "late effect") return changes(step)
  if (fault === "store away") return !isOfLog(step)
  if (fault === "log away") return isOfLog(step)
  return true
}

/** The strikes that a sweep puts at each call of a writer, one run each. */
export const sweptStrikes: ReadonlyArray<Strike> = [
  "killed before",
  "killed in flight",
  "killed after",
  "paused before",
  "paused after",
  "refused",
  "lost answer",
  "late effect"
]
