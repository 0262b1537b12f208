import { Effect } from "effect"
import { type EventSink, onePartition } from "../EventSink.ts"

/** Nowhere: to measure. The events are made as for files. */
export const nullSink: EventSink<never> = {
  partitions: onePartition,
  positions: [],
  newline: true,
  unordered: true,
  append: () => Effect.void
}
