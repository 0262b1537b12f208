import { larger, lineBits, timeWord } from "./Listeners.ts"

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
    this.links = new Int32Array(capacity)
  }

  /** Enters a listener (which is in no list) at `time`. */
  insert(listener: number, time: number): void {
    if (listener >= this.links.length) this.links = larger(this.links, listener * 2 + 16)
    const { links } = this
    const span = time >>> slotBits
    if (span === this.span) {
      const slot = time & (slots - 1)
      links[listener] = this.fine[slot]
      this.fine[slot] = listener
    } else if (span - this.span < spans) {
      const at = span & (spans - 1)
      links[listener] = this.coarse[at]
      this.coarse[at] = listener
    } else {
      links[listener] = this.later
      this.later = listener
    }
  }

  /** Moves to the span of `time`, whose lists are spread over the seconds; `words` are those of `Listeners`. */
  enter(words: Int32Array, time: number): void {
    const span = time >>> slotBits
    while (this.span < span) {
      this.span++
      if ((this.span & (spans - 1)) === 0) {
        const first = this.later
        this.later = none
        this.spread(words, first)
      }
      const at = this.span & (spans - 1)
      const first = this.coarse[at]
      this.coarse[at] = none
      this.spread(words, first)
    }
  }

  /** The first second from `time` on, before `end` and within the entered span, in which somebody acts; else the span's or `end`. */
  nextBusy(time: number, end: number): number {
    const { fine } = this
    const from = time & (slots - 1)
    const to = Math.min(slots, from + end - time)
    let slot = from
    while (slot < to && fine[slot] === none) slot++
    return time + slot - from
  }

  /** Takes those who act at `time` out into `into`, ascending, and answers how many they are. */
  take(time: number, into: { listeners: Int32Array }): number {
    const { links } = this
    const slot = time & (slots - 1)
    let listener = this.fine[slot]
    this.fine[slot] = none
    let { listeners } = into
    let count = 0
    while (listener !== none) {
      if (count === listeners.length) listeners = into.listeners = larger(listeners, count * 2)
      listeners[count++] = listener
      listener = links[listener]
    }
    if (count > 24) listeners.subarray(0, count).sort()
    else sortFew(listeners, count)
    return count
  }

  private spread(words: Int32Array, first: number): void {
    for (let listener = first; listener !== none;) {
      const next = this.links[listener]
      this.insert(listener, words[(listener << lineBits) + timeWord])
      listener = next
    }
  }
}

/** Insertion sort of the first `count` entries. */
const sortFew = (values: Int32Array, count: number): void => {
  for (let n = 1; n < count; n++) {
    const value = values[n]
    let at = n
    while (at > 0 && values[at - 1] > value) {
      values[at] = values[at - 1]
      at--
    }
    values[at] = value
  }
}
