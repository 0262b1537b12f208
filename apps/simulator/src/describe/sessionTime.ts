import type { Chain } from "./Chain.ts"
import type { Matrix } from "./linear.ts"
import { solveLeft, zeros } from "./linear.ts"

/** A listener's factor of alpha or beta (log-normal of mean 1) with its share among the listeners. */
export interface Factor {
  readonly value: number
  readonly share: number
}

/**
 * Nodes of the log-normal distribution exp(N − ½) by the trapezoidal rule, which for smooth functions of N is exact to
 * about e^(−2π²/step).
 */
export const factors: ReadonlyArray<Factor> = (() => {
  const step = 0.75
  const nodes: Array<Factor> = []
  for (let n = -7; n <= 7; n++) {
    const z = n * step
    nodes.push({ value: Math.exp(z - 0.5), share: (step * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI) })
  }
  const total = nodes.reduce((sum, { share }) => sum + share, 0)
  return nodes.map(({ share, value }) => ({ value, share: share / total }))
})()

/** How often songs of a duration (whole seconds) are played. */
export interface Duration {
  readonly seconds: number
  readonly share: number
}

/** Mean of the whole part of an exponential variate. */
const wholeMean = (mean: number): number => 1 / Math.expm1(1 / mean)

const mostPauses = 250
const mostRedirects = 12
const negligible = 1e-9

/**
 * Expected seconds from leaving a state to the next song when so many redirects (row) and pauses (column) have passed
 * since the last song began: up to its end while it plays, a pause after that. The sum of pauses is taken for Gamma
 * distributed.
 */
const waits = (
  pause: number,
  durations: ReadonlyArray<Duration>,
  pauses: number,
  redirects: number
): Matrix => {
  const table = zeros(redirects + 1, pauses + 1)
  for (const [r, row] of table.entries()) {
    for (const { seconds, share } of durations) {
      const left = seconds - r
      if (left <= 0) {
        for (let n = 0; n <= pauses; n++) row[n] += share * pause
        continue
      }
      row[0] += share * left
      // P(sum of n pauses < left) = P(a Poisson variate of mean left / pause is ≥ n).
      const mean = left / Math.max(pause, 1e-9)
      let logTerm = -mean
      let still = -Math.expm1(-mean)
      for (let n = 1; n <= pauses; n++) {
        logTerm += Math.log(mean / n)
        const next = Math.max(0, still - Math.exp(logTerm))
        row[n] += share * (left * still - n * pause * next + pause * (1 - still))
        still = next
      }
    }
  }
  return table
}

/**
 * Expected seconds from the first to the last event of a session, for each of `factors` (of alpha) a list by class.
 * `visits` are the expected visits of the states.
 */
export const sessionSeconds = (
  chain: Chain,
  visits: Matrix,
  alpha: number,
  durations: ReadonlyArray<Duration>
): ReadonlyArray<Float64Array> => {
  const n = chain.states.length
  const isSong = Array.from({ length: n }, (_, s) => chain.isSong(s))
  const isRedirect = Array.from({ length: n }, (_, s) => chain.isRedirect(s))

  // Until the first song: the visits of a chain that has no ways into songs.
  const quiet = zeros(n, n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      quiet[i][j] = (i === j ? 1 : 0) - (isSong[j] || isSong[i] ? 0 : chain.ways[i][j])
  }
  const before = solveLeft(
    quiet,
    chain.starts.map((row) => row.map((p, s) => (isSong[s] ? 0 : p)))
  )
  /** Steps until the first song that take a pause, and those that take a second. */
  const early = before.map((row) => {
    const steps = { pauses: 0, redirects: 0 }
    for (let i = 0; i < n; i++) {
      if (isSong[i]) continue
      for (let j = 0; j < n; j++) steps[isRedirect[j] ? "redirects" : "pauses"] += row[i] * chain.ways[i][j]
    }
    return steps
  })

  // From each song to the next one or the end, by the number of pauses and redirects on the way.
  const walks = visits.map((row) => {
    const toSong: Array<readonly [pauses: number, redirects: number, mass: number]> = []
    const steps = { pauses: 0, redirects: 0 }
    let layers = new Map<number, Float64Array>([[0, row.map((v, s) => (isSong[s] ? v : 0))]])
    for (let pauses = 0; pauses < mostPauses && layers.size > 0; pauses++) {
      const next = new Map<number, Float64Array>()
      for (let redirects = 0; redirects <= mostRedirects; redirects++) {
        const mass = layers.get(redirects)
        if (mass === undefined) continue
        for (let i = 0; i < n; i++) {
          if (mass[i] === 0) continue
          for (let j = 0; j < n; j++) {
            const flow = mass[i] * chain.ways[i][j]
            if (flow === 0) continue
            if (isSong[j]) toSong.push([pauses, redirects, flow])
            else {
              steps[isRedirect[j] ? "redirects" : "pauses"] += flow
              const into = isRedirect[j] ? layers : next
              const at = isRedirect[j] ? Math.min(redirects + 1, mostRedirects) : redirects
              // A redirect leads to a layer that this loop has still to visit, except at the very last one.
              if (isRedirect[j] && at === redirects) continue
              const sum = into.get(at) ?? new Float64Array(n)
              sum[j] += flow
              into.set(at, sum)
            }
          }
        }
      }
      layers = new Map([...next].filter(([, mass]) => mass.reduce((a, b) => a + b, 0) > negligible))
    }
    return { toSong, steps }
  })
  const longest = walks.reduce((most, { toSong }) => toSong.reduce((m, [p]) => Math.max(m, p), most), 0)
  return factors.map(({ value }) => {
    const pause = wholeMean(alpha * value)
    const table = waits(pause, durations, longest, mostRedirects)
    return Float64Array.from(walks, ({ steps, toSong }, c) => {
      let seconds = early[c].redirects + steps.redirects + (early[c].pauses + steps.pauses) * pause
      for (const [pauses, redirects, mass] of toSong) seconds += mass * table[redirects][pauses]
      return seconds
    })
  })
}

/** Durations of a catalog, in at most `most` steps. */
export const durationsOf = (
  songs: ReadonlyArray<{ readonly duration: number; readonly weight: number }>,
  most = 120
): ReadonlyArray<Duration> => {
  const sorted = songs
    .map(({ duration, weight }) => ({ seconds: Math.floor(Math.fround(duration)), weight }))
    .sort((a, b) => a.seconds - b.seconds)
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0)
  const steps: Array<{ seconds: number; share: number }> = []
  let sum = 0
  for (const { seconds, weight } of sorted) {
    if (weight === 0) continue
    const step = Math.min(most - 1, Math.floor((sum / total) * most))
    sum += weight
    const entry = (steps[step] ??= { seconds: 0, share: 0 })
    entry.seconds += (seconds * weight) / total
    entry.share += weight / total
  }
  return steps.filter(Boolean).map(({ seconds, share }) => ({ seconds: seconds / share, share }))
}
