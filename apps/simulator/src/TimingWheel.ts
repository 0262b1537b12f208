const none = -1
const slotBits = 12
const slots = 1 << slotBits
const spans = 1024

/**
 * Which listeners act in which second: two wheels of linked lists in typed arrays. The fine one has a slot per second
 * of the current span (4,096 s), the coarse one a list per span for the next 48 days; whoever acts later waits in one
 * list that is looked through once per turn. Times are whole seconds ≥ 0 and never before the current second.
 */
export class TimingWheel {
  private readonly fine = new Int32Array(slots).fill(none)
  private readonly coarse = new Int32Array(spans).fill(none)
  private later = none
  private links: Int32Array
  private span = 0

  constructor(capacity: number) {
    this.links = new Int32Array(capacity).fill(none)
  }

  /** Makes room for listeners below `capacity`. */
  grow(capacity: number): void {
    const links = new Int32Array(capacity).fill(none)
    links.set(this.links)
    this.links = links
  }

  /** Enters a listener (which is in no list) at `time`. */
  insert(listener: number, time: number): void {
    const span = time >>> slotBits
    if (span === this.span) {
      const slot = time & (slots - 1)
      this.links[listener] = this.fine[slot]
      this.fine[slot] = listener
    } else if (span - this.span < spans) {
      const at = span & (spans - 1)
      this.links[listener] = this.coarse[at]
      this.coarse[at] = listener
    } else {
      this.links[listener] = this.later
      this.later = listener
    }
  }

  /** Moves to the span of `time`, whose lists are spread over the seconds; `times` has each listener's time. */
  enter(time: number, times: Int32Array): void {
    const span = time >>> slotBits
    while (this.span < span) {
      this.span++
      if ((this.span & (spans - 1)) === 0) {
        let listener = this.later
        this.later = none
        while (listener !== none) {
          const next = this.links[listener]
          this.insert(listener, times[listener])
          listener = next
        }
      }
      const at = this.span & (spans - 1)
      let listener = this.coarse[at]
      this.coarse[at] = none
      while (listener !== none) {
        const next = this.links[listener]
        this.insert(listener, times[listener])
        listener = next
      }
    }
  }

  /** Whether nobody acts in the second `time` (of the entered span). */
  isEmpty(time: number): boolean {
    return this.fine[time & (slots - 1)] === none
  }

  /** Takes those who act at `time` out into `into`, ascending, and answers how many they are. */
  take(time: number, into: { listeners: Int32Array }): number {
    const slot = time & (slots - 1)
    let listener = this.fine[slot]
    this.fine[slot] = none
    let count = 0
    while (listener !== none) {
      if (count === into.listeners.length) {
        const larger = new Int32Array(count * 2)
        larger.set(into.listeners)
        into.listeners = larger
      }
      into.listeners[count++] = listener
      listener = this.links[listener]
    }
    if (count > 1) into.listeners.subarray(0, count).sort()
    return count
  }
}
