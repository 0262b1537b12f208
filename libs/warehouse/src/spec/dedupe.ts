import { columnsOf } from "@musify/domain/columns.ts"
import type { Logged } from "./logged.ts"
import type { Value } from "./order.ts"
import { byValues, groupBy, least } from "./order.ts"

/** The natural key of an event as text: (topic, userId or null, sessionId, itemInSession, ts). */
export const naturalKey = ({ topic, event }: Logged): string =>
  [topic, event.userId, event.sessionId, event.itemInSession, event.ts].join(" ")

/**
 * The order among events of one natural key: by all columns of the topic in file order, then by the place in the log.
 * So the copy that stays does not depend on which came first.
 */
const byContent = byValues((logged: Logged): ReadonlyArray<Value> => {
  const row = logged.event as unknown as Record<string, Value>
  return [...columnsOf(logged.topic).map(({ name }) => row[name]), logged.partition, logged.offset]
})

/**
 * Drops the second copies that a retried producer wrote: of the events of one natural key the least one by content
 * stays. An event's time is in its key, so copies always lie in the same hour. The law: dedupe(a ∪ b) =
 * dedupe(dedupe(a) ∪ dedupe(b)), so it may be done per file, per hour or at once.
 */
export const dedupe = (events: Iterable<Logged>): ReadonlyArray<Logged> =>
  [...groupBy(events, naturalKey).values()].map((copies) => least(copies, byContent)!)
