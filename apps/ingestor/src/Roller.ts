/** What a partition's writer must do now, or how long (ms) nothing has to be done; Infinity: until records come. */
export type Due = "roll" | "seal" | { readonly inMs: number }

/**
 * When a micro-batch ends by time, and when an open tail is sealed: one roll after the batch's first record, and one
 * roll after the last plan if no next one came.
 */
export class Roller {
  private readonly rollMs: number
  private openedAt = Number.POSITIVE_INFINITY
  private committedAt = Number.POSITIVE_INFINITY

  constructor(rollMs: number) {
    this.rollMs = rollMs
  }

  /** The open batch holds records; the first call since `committed` counts. */
  opened(now: number): void {
    this.openedAt = Math.min(this.openedAt, now)
  }

  /** The open batch was handed on. */
  committed(now: number): void {
    this.openedAt = Number.POSITIVE_INFINITY
    this.committedAt = now
  }

  sealed(): void {
    this.committedAt = Number.POSITIVE_INFINITY
  }

  due(now: number): Due {
    if (now >= this.openedAt + this.rollMs) return "roll"
    if (now >= this.committedAt + this.rollMs) return "seal"
    return { inMs: Math.min(this.openedAt, this.committedAt) + this.rollMs - now }
  }
}
