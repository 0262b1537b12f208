import { UserError } from "@musify/runtime/UserError.ts"
import { Duration, Effect } from "effect"

/** How long things are kept, and how long the ingestor may be away. */
export interface Retention {
  /** How long the log keeps records; undefined: for ever, or it is not known. */
  readonly log: Duration.Duration | undefined
  /** Whether the log keeps records for ever. */
  readonly logIsForEver: boolean
  /** After how long a rule of the bucket deletes files under `lake/` and `dead-letters/`; undefined: never. */
  readonly lake: Duration.Duration | undefined
  readonly longestOutage: Duration.Duration
  readonly roll: Duration.Duration
}

const text = (duration: Duration.Duration): string => Duration.format(duration)

/**
 * Refuses settings by which events would get lost or come twice (exit 2), as far as they are told:
 * - the log must keep a record longer than the ingestor may be away, and the two rolls that it takes to store it;
 * - the bucket must not delete a file while its plan may still be open: whoever completes the plan would put it again,
 *   after its rows had been seen and had gone;
 * - the bucket must not delete what the log still has: an audit would miss it, and a lake made anew from the log would
 *   bring back days that had left.
 */
export const checkRetention = ({
  lake,
  log,
  logIsForEver,
  longestOutage,
  roll
}: Retention): Effect.Effect<void, UserError> => {
  const wrong = (message: string) => new UserError({ message, exitCode: 2 })
  const away = Duration.sum(longestOutage, Duration.times(roll, 2))
  if (log !== undefined && Duration.lessThan(log, away))
    return wrong(
      `The log keeps records for ${text(log)} (--log-retention), but an outage of ${text(longestOutage)} (--longest-outage) and two rolls of ${text(roll)} are to be survived: records would be gone before they are in the lake. Keep them for at least ${text(away)}, or name a shorter outage.`
    )
  if (lake === undefined) return Effect.void
  if (Duration.lessThan(lake, away))
    return wrong(
      `The bucket deletes files after ${text(lake)} (--lake-retention), but a plan may be open for as long as an outage of ${text(longestOutage)} (--longest-outage) and two rolls of ${text(roll)}: its files would be put a second time. Delete them after ${text(away)} at the earliest, or name a shorter outage.`
    )
  if (logIsForEver)
    return wrong(
      `The bucket deletes files after ${text(lake)} (--lake-retention), but this log keeps records for ever: days that have left would come back when the lake is made anew, and the audit misses them. Leave the rule out.`
    )
  if (log === undefined)
    return wrong(
      `The bucket deletes files after ${text(lake)} (--lake-retention), but how long the log keeps records is not known. Say it (--log-retention): the bucket must keep files at least as long.`
    )
  if (Duration.lessThan(lake, log))
    return wrong(
      `The bucket deletes files after ${text(lake)} (--lake-retention), but the log keeps records for ${text(log)} (--log-retention): days that have left would come back when the lake is made anew, and the audit misses them. Keep files at least as long as records.`
    )
  return Effect.void
}
