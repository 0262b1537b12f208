import type { Hour } from "@musify/domain/Hour.ts"
import { hourPath } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"

/** Folder of the data files of a topic; only data files lie under `lake/`. */
export const lakePrefix = (topic: Topic): string => `lake/${topic}/`

export const deadLetterPrefix = (topic: Topic): string => `dead-letters/${topic}/`

/** Folder of a partition's chain. */
export const chainPrefix = (topic: Topic, partition: number): string => `log/${topic}/${partition}/`

const padded = (seq: number): string => String(seq).padStart(12, "0")

export const planName = (topic: Topic, partition: number, seq: number): string =>
  `${chainPrefix(topic, partition)}${padded(seq)}.plan.json`

export const sealName = (topic: Topic, partition: number, seq: number): string =>
  `${chainPrefix(topic, partition)}${padded(seq)}.seal.json`

const fileName = (partition: number, seq: number, firstOffset: number): string =>
  `${partition}-${seq}-${firstOffset}.parquet`

/** Data file of an event hour. The name follows from the plan alone, so that twins write the same names. */
export const dataFileName = (
  topic: Topic,
  hour: Hour,
  partition: number,
  seq: number,
  firstOffset: number
): string => `${lakePrefix(topic)}${hourPath(hour)}/${fileName(partition, seq, firstOffset)}`

/** Dead-letter file of an hour of the log time. */
export const deadLetterFileName = (
  topic: Topic,
  hour: Hour,
  partition: number,
  seq: number,
  firstOffset: number
): string => `${deadLetterPrefix(topic)}${hourPath(hour)}/${fileName(partition, seq, firstOffset)}`
