/** Something that will happen; cancelled, it does not. */
export interface Appointment {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** Epoch ms at which every run begins (2027-01-15T08:00Z). */
export const epoch = 1_800_000_000_000

/**
 * The virtual time of a run, as Effect's TestClock has it: it stands still while anybody can run and then goes on to
 * the next appointment. (The TestClock itself waits for real timers at each step, some ms that 10,000 runs have not.)
 */
export class Timeline {
  /** Epoch ms, with fractions. */
  now = epoch
  private readonly heap: Array<Appointment> = []
  private made = 0

  /** Runs `run` in `ms`; what is due at the same time runs in the order in which it was asked for. */
  after(ms: number, run: () => void): Appointment {
    const appointment: Appointment = { at: this.now + Math.max(0, ms), order: this.made++, run }
    const { heap } = this
    let at = heap.length
    heap.push(appointment)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(appointment, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = appointment
    return appointment
  }

  /** Goes on to the next appointment and keeps it; false when there is none. */
  step(): boolean {
    const { heap } = this
    while (heap.length > 0) {
      const first = heap[0]
      const last = heap.pop()!
      if (heap.length > 0) this.sink(last)
      if (first.run === undefined) continue
      this.now = first.at
      first.run()
      return true
    }
    return false
  }

  private sink(moved: Appointment): void {
    const { heap } = this
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], moved)) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = moved
  }
}

const isBefore = (a: Appointment, b: Appointment): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)
