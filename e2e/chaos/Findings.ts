/** What is wrong with one record, or with one of its places in the lake. */
export interface Finding {
  /** One of a few kinds, so that many of one kind are told once. */
  readonly kind: string
  /** Which record, and what differs. */
  readonly detail: string
}

const shownOfKind = 5

/** What was found wrong: counted by kind, with the first few of each. */
export class Findings {
  private readonly byKind = new Map<string, { count: number; readonly details: Array<string> }>()

  add(kind: string, detail: string): void {
    const found = this.byKind.get(kind) ?? { count: 0, details: [] }
    this.byKind.set(kind, found)
    if (++found.count <= shownOfKind) found.details.push(detail)
  }

  get isEmpty(): boolean {
    return this.byKind.size === 0
  }

  /** Of each kind one line, and some of its cases below it. */
  get lines(): ReadonlyArray<string> {
    return [...this.byKind].flatMap(([kind, { count, details }]) => [
      `${kind}: ${count} times, as`,
      ...details.map((detail) => `  ${detail}`)
    ])
  }
}
