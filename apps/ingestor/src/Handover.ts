import { Clock, Effect, Either, Fiber, Option, type Scope } from "effect"

/** Who waits for the bell, and until when (epoch ms; Infinity: for the bell alone). */
interface Waiter {
  readonly until: number
  readonly wake: (wasRung: boolean) => void
}

/**
 * A mailbox for one message, with a bell. Whoever takes looks for a message, does whatever else is due, and waits for
 * the bell: also others may ring it. Nothing is handed over while somebody waits, so a wait may be cut off (by a timer,
 * say) and no message is lost. One at a time waits.
 */
export class Handover<A, E = never> {
  private message: Either.Either<A, E> | undefined
  private readonly room = Effect.unsafeMakeLatch(true)
  private readonly scope: Scope.Scope
  private rung = false
  private waiter: Waiter | undefined
  /** When the timer looks whether the waiter has waited long enough, epoch ms; Infinity: there is no timer. */
  private timerAt = Number.POSITIVE_INFINITY
  private timer: Fiber.RuntimeFiber<void> | undefined

  private constructor(scope: Scope.Scope) {
    this.scope = scope
  }

  /** An empty one, whose timer ends with the scope. */
  static readonly make = <A, E = never>(): Effect.Effect<Handover<A, E>, never, Scope.Scope> =>
    Effect.map(Effect.scope, (scope) => new Handover<A, E>(scope))

  /** Waits until the last message was taken. */
  readonly whenEmpty: Effect.Effect<void> = this.room.await

  /** Puts a message, or the error after which none will come; only when empty. */
  put(message: Either.Either<A, E>): void {
    this.message = message
    this.room.unsafeClose()
    this.ring()
  }

  /** Wakes whoever waits. */
  ring(): void {
    if (this.waiter === undefined) this.rung = true
    else this.waiter.wake(true)
  }

  /** The message, if there is one; an error stays. */
  readonly take: Effect.Effect<Option.Option<A>, E> = Effect.suspend(() => {
    const { message } = this
    if (message === undefined) return Effect.succeedNone
    if (Either.isLeft(message)) return Effect.fail(message.left)
    this.message = undefined
    this.rung = false
    this.room.unsafeOpen()
    return Effect.succeed(Option.some(message.right))
  })

  /**
   * Waits until the bell has been rung, since the last wait or since a message was taken (after which whoever takes looks
   * at everything anew), or for so many ms (Infinity: for the bell alone). Answers whether it was rung.
   */
  wait(ms: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.rung) {
        this.rung = false
        return Effect.succeed(true)
      }
      if (!Number.isFinite(ms)) return this.waitUntil(Number.POSITIVE_INFINITY)
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.zipRight(this.lookAt(now + ms), this.waitUntil(now + ms))
      )
    })
  }

  private waitUntil(until: number): Effect.Effect<boolean> {
    return Effect.async<boolean>((resume) => {
      if (this.rung) {
        this.rung = false
        return resume(Effect.succeed(true))
      }
      const wake = (wasRung: boolean): void => {
        this.waiter = undefined
        resume(Effect.succeed(wasRung))
      }
      this.waiter = { until, wake }
      return Effect.sync(() => (this.waiter = undefined))
    })
  }

  /**
   * Lets the timer look at the waiter then, or before. Most waits are short and end by the bell: one timer serves many of
   * them, where a race of the bell with a timer of its own would cost each as much as all else that is done for it.
   */
  private lookAt(at: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.timerAt <= at) return Effect.void
      const before = this.timer
      this.timerAt = at
      return Effect.forkIn(this.watch, this.scope).pipe(
        Effect.tap((timer) => Effect.sync(() => (this.timer = timer))),
        Effect.zipRight(before === undefined ? Effect.void : Fiber.interruptFork(before))
      )
    })
  }

  private readonly watch: Effect.Effect<void> = Effect.gen(this, function* () {
    while (this.timerAt < Number.POSITIVE_INFINITY) {
      const now = yield* Clock.currentTimeMillis
      if (now < this.timerAt) {
        yield* Effect.sleep(this.timerAt - now)
        continue
      }
      this.timerAt = Number.POSITIVE_INFINITY
      const { waiter } = this
      if (waiter === undefined) return
      if (waiter.until <= now) waiter.wake(false)
      else this.timerAt = waiter.until
    }
  })
}
