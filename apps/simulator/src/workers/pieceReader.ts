import { topics } from "@musify/domain/Topic.ts"
import type { Arrays } from "../StreamBuffer.ts"
import { type Answer, type Piece, pieceSets } from "./protocol.ts"

/** Reads a worker's answers, one after the other: the streams that have events, with the arrays that it has sent once. */
export const pieceReader = (
  /** Per topic, in the order of `topics`. */
  partitions: ReadonlyArray<number>
): ((answer: Pick<Answer, "counts" | "made">) => ReadonlyArray<Piece>) => {
  const streams = topics.flatMap((_, topic) =>
    Array.from({ length: partitions[topic] }, (_, partition) => ({ topic, partition }))
  )
  const sets = Array.from({ length: pieceSets }, () => [] as Array<Arrays>)
  let answers = 0
  return ({ counts, made }) => {
    const set = sets[answers++ % pieceSets]
    for (const { arrays, stream } of made) set[stream] = arrays
    return streams.flatMap(({ partition, topic }, stream) =>
      counts[stream] === 0 ? [] : [{ topic, partition, count: counts[stream], arrays: set[stream] }]
    )
  }
}
