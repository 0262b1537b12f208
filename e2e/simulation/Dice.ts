/** A stream of whole numbers from a seed (mulberry32): all chance of a run comes from here, so its seed replays it. */
export class Dice {
  private state: number

  constructor(seed: number) {
    // Neighbouring seeds must give unlike streams.
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
    this.next()
  }

  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }

  /** 0 ≤ answer < `bound`, whole. */
  below(bound: number): number {
    return this.next() % bound
  }

  /** `from` ≤ answer ≤ `to`, whole. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)]
  }

  /** A stream of its own: what one part draws changes nothing for the others. */
  fork(): Dice {
    return new Dice(this.next())
  }
}
