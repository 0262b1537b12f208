/** Vose's alias method: draws index i with probability weights[i] / sum in constant time. */
export interface AliasSampler {
  readonly size: number
  /** 32-bit threshold per column: below it the column itself, else its alias. */
  readonly thresholds: Uint32Array
  readonly aliases: Int32Array
}

/** Builds a sampler; weights are ≥ 0, finite and not all 0. */
export const makeAliasSampler = (weights: ArrayLike<number>): AliasSampler => {
  const size = weights.length
  let total = 0
  for (let i = 0; i < size; i++) total += weights[i]
  const thresholds = new Uint32Array(size)
  const aliases = new Int32Array(size)
  const scaled = new Float64Array(size)
  const small: Array<number> = []
  const large: Array<number> = []
  for (let i = 0; i < size; i++) {
    scaled[i] = (weights[i] * size) / total
    ;(scaled[i] < 1 ? small : large).push(i)
  }
  while (small.length > 0 && large.length > 0) {
    const s = small.pop()!
    const l = large[large.length - 1]
    thresholds[s] = Math.floor(scaled[s] * 4294967296)
    aliases[s] = l
    scaled[l] -= 1 - scaled[s]
    if (scaled[l] < 1) small.push(large.pop()!)
  }
  // What is left has probability 1 up to rounding: its own alias.
  for (const i of small.concat(large)) {
    thresholds[i] = 4294967295
    aliases[i] = i
  }
  return { size, thresholds, aliases }
}

/** The index that two draws of 32 random bits select. */
export const sampleAlias = (sampler: AliasSampler, column: number, coin: number): number => {
  const i = Math.floor((column * sampler.size) / 4294967296)
  return coin < sampler.thresholds[i] ? i : sampler.aliases[i]
}
