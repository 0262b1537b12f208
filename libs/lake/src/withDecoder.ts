import type { Decoder, DecoderOptions } from "@musify/domain/Decoder.ts"
import { makeDecoder } from "@musify/domain/Decoder.ts"
import type { Topic } from "@musify/domain/Topic.ts"

const idle = new Map<string, Decoder>()

/**
 * Lends the decoder of a topic, one for all partitions and micro-batches, so that what repeats is held once: to one
 * borrower at a time, synchronously, who leaves it empty. One whose borrower failed is not lent again, since it may hold
 * half a row.
 */
export const withDecoder = <A>(topic: Topic, options: DecoderOptions, use: (decoder: Decoder) => A): A => {
  const key = `${topic} ${options.maxAheadMs} ${options.maxBytes}`
  const decoder = idle.get(key) ?? makeDecoder(topic, options)
  idle.delete(key)
  const answer = use(decoder)
  idle.set(key, decoder)
  return answer
}
