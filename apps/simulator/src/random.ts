/**
 * Counter-based randomness: draw number `counter` of a stream is a hash of (key of the stream, counter), so a stream
 * can be taken up anywhere and no stream depends on another. A key is two 32-bit words: with one word, the streams of
 * a million listeners would overlap.
 *
 * Nothing here uses Math.log or Math.sin, whose last bit differs between JavaScript engines: the same seed gives the
 * same events on Node, Bun and Deno.
 */

const golden = 0x9e3779b9

/** A bijection of 32-bit integers that scatters its input (the "lowbias32" hash of H. Wellons, 2 rounds). */
export const mix32 = (x: number): number => {
  x ^= x >>> 16
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0x735a2d97)
  x ^= x >>> 15
  return x >>> 0
}

/** First word of the key of stream `index` under `seed` (any safe integer). */
export const keyA = (seed: number, index: number): number =>
  mix32(mix32((seed ^ 0x5bf03635) >>> 0) ^ mix32(Math.floor(seed / 0x100000000) ^ mix32(index)))

/** Second word of the key of stream `index` under `seed`. */
export const keyB = (seed: number, index: number): number =>
  mix32(mix32(index ^ 0x2545f491) + mix32(seed ^ mix32(Math.floor(seed / 0x100000000) + golden)))

/** Draw number `counter` of the stream with key (a, b): 32 random bits. */
export const bits = (a: number, b: number, counter: number): number => {
  let x = (a + Math.imul(counter, golden)) | 0
  x ^= x >>> 16
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = (x + b) | 0
  x = Math.imul(x, 0x735a2d97)
  x ^= x >>> 15
  x = Math.imul(x, 0x2c1b3c6d)
  x ^= x >>> 16
  return x >>> 0
}

const ln2 = 0.6931471805599453
const powersOfTwo = Float64Array.from({ length: 33 }, (_, i) => 2 ** i)

/**
 * −ln((k + ½) / 2³²) for 32 random bits k: an exponential variate of mean 1, at most 22.9. By the series of artanh,
 * exact to about 1e-14.
 */
export const exponential = (k: number): number => {
  const exponent = k === 0 ? 0 : 31 - Math.clz32(k)
  let m = (k + 0.5) / powersOfTwo[exponent]
  let e = exponent - 32
  if (m > 1.4142135623730951) {
    m /= 2
    e++
  }
  const s = (m - 1) / (m + 1)
  const z = s * s
  const series =
    1 +
    z *
      (1 / 3 +
        z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17))))))))
  return -(e * ln2 + 2 * s * series)
}

/** A sequential reader of one stream, for the places where speed does not matter. */
export class RandomStream {
  private readonly a: number
  private readonly b: number
  private counter = 0

  constructor(seed: number, index: number) {
    this.a = keyA(seed, index)
    this.b = keyB(seed, index)
  }

  /** 32 random bits. */
  bits(): number {
    return bits(this.a, this.b, this.counter++)
  }

  /** Uniform in (0, 1). */
  uniform(): number {
    return (this.bits() + 0.5) / 4294967296
  }

  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor((this.bits() * n) / 4294967296)
  }

  /** Exponential of mean 1. */
  exponential(): number {
    return exponential(this.bits())
  }

  /** Standard normal. */
  normal(): number {
    return normal(this.uniform())
  }

  pick<A>(values: ReadonlyArray<A>): A {
    return values[this.below(values.length)]
  }
}

/**
 * Quantile function of the standard normal distribution: P. J. Acklam's rational approximation, relative error below
 * 1.2e-9. The tails use −2·ln(u) through `exponential`.
 */
export const normal = (u: number): number => {
  if (u < 0.02425) return -tail(u)
  if (u > 0.97575) return tail(1 - u)
  const q = u - 0.5
  const r = q * q
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  )
}

const tail = (u: number): number => {
  const q = Math.sqrt(2 * exponential(Math.max(0, Math.round(u * 4294967296 - 0.5))))
  return -(
    (((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
      q +
      4.374664141464968) *
      q +
      2.938163982698783) /
    ((((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q +
      1)
  )
}
