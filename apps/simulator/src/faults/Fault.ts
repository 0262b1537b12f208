import type { Topic } from "@musify/domain/Topic.ts"

/** What was done to a record. */
export const faultKinds = [
  "duplicate",
  "late",
  "out-of-order",
  "malformed",
  "missing-field",
  "clock-skew"
] as const
export type FaultKind = (typeof faultKinds)[number]

/** One fault of one written record: a row of the manifest. */
export interface Fault {
  readonly topic: Topic
  readonly partition: number
  /** Of the record in the output; null while the record is held back. */
  readonly offset: number | null
  readonly kind: FaultKind
  /** How it is malformed, which field is missing; empty for others. */
  readonly detail: string
  /** How the reason of its dead letter begins; null when the pipeline takes the record. */
  readonly reason: string | null
  /** When it happened, epoch ms. */
  readonly sourceTs: number
  /** The ts that the record has, epoch ms; null when the record is malformed. */
  readonly writtenTs: number | null
  /** How much later than when it happened the record was due, seconds; of clock-skew, how far the clock is ahead. */
  readonly delay: number
  /** Records of its partition that overtook it; null while it is held back. */
  readonly overtaken: number | null
  /** Of a duplicate: the offset of the first copy. */
  readonly originalOffset: number | null
  /** Key of the record. */
  readonly device: string
  /** Of the event as it was before. */
  readonly sessionId: number
  readonly itemInSession: number
}
