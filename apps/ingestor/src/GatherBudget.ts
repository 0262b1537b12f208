import type { Scope } from "effect"
import { Effect } from "effect"

/** One partition's part of the budget, for the length of a session; given back when the scope closes. */
export interface GatherShare {
  /**
   * Asks to hold `bytes` more and waits until there is room. False: store what is held first, then ask again. To be
   * followed by `settle`; until it rests or rolls the share is expected to ask again.
   */
  readonly admit: (bytes: number) => Effect.Effect<boolean>
  /** Says what is held, in all, after records were taken in (or, 0, after a batch was stored). */
  readonly settle: (held: number) => void
  /** No more records are to be had for the moment. */
  readonly rest: () => void
  /** The batch is on its way to the store: what is held will be given back without more being asked for. */
  readonly rolling: () => void
  /** Whether the batch must be stored before its time, to make room. */
  readonly mustRoll: boolean
}

interface Ask {
  readonly bytes: number
  readonly order: number
  readonly answer: (granted: boolean) => void
}

class Share implements GatherShare {
  private readonly budget: GatherBudget
  readonly onPress: (() => void) | undefined
  held = 0
  ask: Ask | undefined
  /** Records were admitted and are being taken in: the share will settle in a moment. */
  isBusy = false
  /** It may ask again soon. */
  isExpecting = false
  isRolling = false
  mustRoll = false

  constructor(budget: GatherBudget, onPress: (() => void) | undefined) {
    this.budget = budget
    this.onPress = onPress
  }

  admit(bytes: number): Effect.Effect<boolean> {
    return Effect.async<boolean>((resume) => {
      if (this.mustRoll) return resume(Effect.succeed(false))
      this.ask = {
        bytes,
        order: this.budget.nextOrder(),
        answer: (granted) => {
          this.ask = undefined
          resume(Effect.succeed(granted))
        }
      }
      this.budget.arrange()
      return Effect.sync(() => {
        this.ask = undefined
        this.budget.arrange()
      })
    })
  }

  settle(held: number): void {
    this.held = held
    this.isBusy = false
    if (held === 0) this.relax()
    this.budget.arrange()
  }

  rest(): void {
    this.isExpecting = false
    this.budget.arrange()
  }

  rolling(): void {
    this.isExpecting = false
    this.isRolling = true
    this.budget.arrange()
  }

  grant(ask: Ask): void {
    this.held += ask.bytes
    this.isBusy = true
    this.isExpecting = true
    ask.answer(true)
  }

  press(): void {
    this.mustRoll = true
    this.ask?.answer(false)
    this.onPress?.()
  }

  relax(): void {
    this.isRolling = false
    this.mustRoll = false
  }
}

/**
 * The memory that all partitions of an ingestor share: bytes of records that are gathered and not yet stored. Whoever
 * wants to take records in asks first. The fullest asker comes first and those who hold nothing last, in the order in
 * which they asked; and nobody is given room that a fuller one, who goes on asking, needs for a whole batch. So with a
 * backlog a few partitions at a time gather whole batches instead of all of them small ones, and each has its turn;
 * without one all of them gather at once. Where waiting alone makes no room, the fullest batches are stored before their
 * time. Held is never more than `capacity`, but for one ask by whoever is alone.
 */
export class GatherBudget {
  readonly capacity: number
  private readonly batch: number
  private readonly shares: Set<Share> = new Set()
  private orders = 0
  private arranging = false

  /** `batch`: bytes of a batch that is full. Counted with at most a quarter of the capacity, so that some go at once. */
  constructor(capacity: number, batch: number) {
    this.capacity = capacity
    this.batch = Math.min(batch, capacity / 4)
  }

  /** Bytes held by all shares. */
  get held(): number {
    let sum = 0
    for (const share of this.shares) sum += share.held
    return sum
  }

  /** Shares that wait for room. */
  get waiting(): number {
    let count = 0
    for (const { ask } of this.shares) if (ask !== undefined) count++
    return count
  }

  nextOrder(): number {
    return this.orders++
  }

  /**
   * Takes part until the scope closes. `onPress` is called when `mustRoll` becomes true; a share without it cannot store
   * what it holds at any time, so only one of them may be there at a time.
   */
  share(onPress: (() => void) | undefined): Effect.Effect<GatherShare, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        const share = new Share(this, onPress)
        this.shares.add(share)
        return share
      }),
      (share) =>
        Effect.sync(() => {
          this.shares.delete(share)
          this.arrange()
        })
    )
  }

  /** Answers who can be answered; else makes room, or waits for room that is being made. */
  arrange(): void {
    // An answer may lead to the next question before it returns.
    if (this.arranging) return
    this.arranging = true
    while (this.step());
    this.arranging = false
  }

  private step(): boolean {
    const first = this.firstAsker()
    if (first?.ask === undefined) return false
    const { ask } = first
    const held = this.held
    const isAlone = held === (first.onPress === undefined ? first.held : 0)
    if (isAlone || held + ask.bytes <= this.capacity) {
      if (!isAlone && held + ask.bytes + this.neededBefore(first) > this.capacity) return false
      first.grant(ask)
      return true
    }
    let coming = 0
    let fullest: Share | undefined
    for (const share of this.shares) {
      if (share.isBusy) return false
      if (share.isRolling || share.mustRoll) coming += share.held
      else if (share.onPress !== undefined && share.held > (fullest?.held ?? 0)) fullest = share
    }
    // Several at a time, since a batch on its way mostly waits for the store.
    if (fullest === undefined || coming >= Math.max(ask.bytes, this.capacity / 4)) return false
    fullest.press()
    return true
  }

  /** What those who are fuller and will ask again need until their batches are full. Who asks now comes after. */
  private neededBefore(asker: Share): number {
    let needed = 0
    for (const share of this.shares)
      if (share.isExpecting && share.ask === undefined && share.held >= asker.held)
        needed += Math.max(0, this.batch - share.held)
    return needed
  }

  private firstAsker(): Share | undefined {
    let first: Share | undefined
    for (const share of this.shares) {
      if (share.ask === undefined) continue
      if (
        first?.ask === undefined ||
        share.held > first.held ||
        (share.held === first.held && share.ask.order < first.ask.order)
      )
        first = share
    }
    return first
  }
}
