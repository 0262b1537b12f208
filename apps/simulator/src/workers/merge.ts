import type { WrittenBatch } from "../EventWriter.ts"
import { putBytes } from "../fragments.ts"
import { keyLength, type StreamBuffer } from "../StreamBuffer.ts"
import type { Piece } from "./protocol.ts"

/** What a merge handed out. */
export interface Merged {
  readonly batch: WrittenBatch | undefined
  /** Times of the first and last of its events (NaN: none), epoch ms. */
  readonly firstTs: number
  readonly lastTs: number
}

/**
 * Merges the events of workers into the order in which one worker writes them: by time, then by listener, and each
 * listener's in their own order. `into` passes over as many as it has to skip.
 */
export const mergeBatches = (into: StreamBuffer, sources: ReadonlyArray<Piece>): Merged => {
  const views = sources.map(({ arrays }) => new DataView(arrays.bytes.buffer))
  const at = new Int32Array(sources.length)
  let firstTs = Number.NaN
  let lastTs = Number.NaN
  for (;;) {
    let next = -1
    let ts = 0
    let listener = 0
    for (let s = 0; s < sources.length; s++) {
      if (at[s] === sources[s].count) continue
      const { order } = sources[s].arrays
      const sTs = order[2 * at[s]]
      const sListener = order[2 * at[s] + 1]
      if (next === -1 || sTs < ts || (sTs === ts && sListener < listener)) {
        next = s
        ts = sTs
        listener = sListener
      }
    }
    if (next === -1) break
    const n = at[next]++
    if (into.skip > 0) {
      into.skip--
      continue
    }
    const { ends, keys } = sources[next].arrays
    const end = putBytes(into.out, into.position, views[next], n === 0 ? 0 : ends[n - 1], ends[n])
    into.finish(end, keys, n * keyLength)
    if (Number.isNaN(firstTs)) firstTs = ts
    lastTs = ts
  }
  return { batch: into.count === 0 ? undefined : into.take(), firstTs, lastTs }
}
