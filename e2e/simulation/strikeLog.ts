import type { Dice } from "./Dice.ts"
import type { Chain } from "@musify/lake/testing/Lake.ts"
import type { SimulatedLog, SimulatedPartition } from "./SimulatedLog.ts"
import type { Timeline } from "./Timeline.ts"

/** Takes records from the log, as retention or the deletion of a topic does; answers what was done, in words. */
export const strikeLog = (
  fault: "retention" | "recreated shorter" | "recreated longer",
  log: SimulatedLog,
  at: SimulatedPartition,
  chain: Chain,
  timeline: Timeline,
  dice: Dice
): string => {
  if (fault === "retention") return retain(log, at, chain, dice)
  const { end } = chain
  const isShorter = fault === "recreated shorter"
  log.recreate(at)
  at.isDeleted = true
  timeline.after(dice.between(1, 3_000), () => {
    at.isDeleted = false
    log.append(at, isShorter ? dice.below(Math.min(end, 20)) : end + dice.between(1, 10), 0)
  })
  return `deleted, and made anew ${isShorter ? "shorter" : "longer"}`
}

/**
 * Moves the log's start: up to the chain's end, which costs nothing (or, within an open plan, what is not in files yet),
 * or past records that the chain still needs.
 */
const retain = (log: SimulatedLog, at: SimulatedPartition, chain: Chain, dice: Dice): string => {
  const overtakes = dice.chance(chain.missingOfTail.length > 0 ? 20 : 70)
  // Records that no writer can have read yet.
  if (overtakes) log.append(at, dice.between(2, 5), 0)
  const start = overtakes
    ? at.end - dice.below(2)
    : Math.max(at.start, (chain.tail?.start ?? 0) + dice.below(chain.end - (chain.tail?.start ?? 0) + 1))
  at.start = Math.max(at.start, start)
  return `retention moves its start to ${at.start}, the chain ends at ${chain.end}`
}
