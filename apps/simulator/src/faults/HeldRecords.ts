/** A record that waits for its time: `due` in epoch ms, `order` breaks ties. */
export interface Held {
  readonly due: number
  readonly order: number
}

const before = (a: Held, b: Held): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)

/** Records held back, the next one first: a binary heap. */
export class HeldRecords<A extends Held> {
  private readonly items: Array<A> = []

  get size(): number {
    return this.items.length
  }

  /** In no order. */
  get all(): ReadonlyArray<A> {
    return this.items
  }

  /** When the next record is due, epoch ms; infinity when none waits. */
  get due(): number {
    return this.items.length === 0 ? Number.POSITIVE_INFINITY : this.items[0].due
  }

  push(item: A): void {
    const { items } = this
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(item, items[parent])) break
      items[at] = items[parent]
      at = parent
    }
    items[at] = item
  }

  /** Takes the next record; there must be one. */
  pop(): A {
    const { items } = this
    const first = items[0]
    const last = items.pop()!
    if (items.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && before(items[child + 1], items[child])) child++
      if (!before(items[child], last)) break
      items[at] = items[child]
      at = child
    }
    items[at] = last
    return first
  }
}
