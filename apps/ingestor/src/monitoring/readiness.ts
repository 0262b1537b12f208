import { Duration } from "effect"
import { type IngestStatus, partitionName } from "../IngestStatus.ts"
import { lagMs } from "./watchIngest.ts"

/** Rolls after which a partition that lags and stores nothing counts as stuck. */
const patienceRolls = 3
const leastPatienceMs = 60_000
/** Looks after which what was seen last is no news any more. */
const staleLooks = 6

export interface ReadinessOptions {
  readonly roll: Duration.Duration
  /** How often log and bucket are looked at. */
  readonly every: Duration.Duration
}

/**
 * Why an ingestor does not do its work, for people; empty when it does: it is a member of its group, log and bucket can
 * be reached, no partition of it has halted, and none has records that wait longer than three rolls while nothing is
 * stored.
 */
export const whyNotReady = (
  status: IngestStatus,
  { every, roll }: ReadinessOptions,
  now: number
): ReadonlyArray<string> => {
  const reasons: Array<string> = []
  if (!status.hasJoined)
    reasons.push(
      status.joinTrouble === ""
        ? "It has not been given its partitions yet."
        : `It cannot join its group: ${status.joinTrouble}`
    )
  if (status.checkedAt === undefined) reasons.push("Log and bucket have not been looked at yet.")
  else if (now - status.checkedAt > staleLooks * Duration.toMillis(every) + leastPatienceMs)
    reasons.push(`Log or bucket have not answered since ${new Date(status.checkedAt).toISOString()}.`)
  if (status.logTrouble !== "") reasons.push(`The log cannot be reached: ${status.logTrouble}`)
  if (status.storeTrouble !== "") reasons.push(`The bucket cannot be reached: ${status.storeTrouble}`)
  const patience = Math.max(leastPatienceMs, patienceRolls * Duration.toMillis(roll))
  for (const partition of status.partitions) {
    const name = partitionName(partition)
    if (partition.phase === "halted") reasons.push(`${name} has stopped: ${partition.message}`)
    else if (lagMs(partition, now) > patience && now - partition.storedAt > patience)
      reasons.push(
        `${name} has stored nothing since ${new Date(partition.storedAt).toISOString()}, and ${partition.lag} records wait` +
          (partition.message === "" ? "." : `: ${partition.message}`)
      )
  }
  return reasons
}
