/** What happened in a run: a hash over all of it, and its last steps. The same seed gives the same hash. */
export class Trace {
  private low = 0x811c9dc5
  private high = 0xdeadbeef
  private readonly last: Array<string> = []
  private count = 0
  private readonly kept: number

  /** `kept`: how many of the last steps it keeps as text. */
  constructor(kept: number) {
    this.kept = kept
  }

  /** `at`: ms since the run began. */
  add(at: number, what: string): void {
    const step = `${at.toFixed(3)} ${what}`
    for (let i = 0; i < step.length; i++) {
      const code = step.charCodeAt(i)
      this.low = Math.imul(this.low ^ code, 0x01000193)
      this.high = Math.imul(this.high ^ code, 0x85ebca6b)
    }
    this.last[this.count++ % this.kept] = step
  }

  get steps(): number {
    return this.count
  }

  get hash(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, "0")
    return hex(this.high) + hex(this.low)
  }

  /** The last steps, oldest first. */
  get tail(): ReadonlyArray<string> {
    const from = this.count % this.kept
    return this.count <= this.kept ? [...this.last] : [...this.last.slice(from), ...this.last.slice(0, from)]
  }
}
