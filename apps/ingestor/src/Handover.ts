import { Effect, Either, Option } from "effect"

/**
 * A mailbox for one message, with a bell. Whoever takes looks for a message, does whatever else is due, and waits for
 * the bell: also others may ring it. Nothing is handed over while somebody waits, so a wait may be cut off (by a timer,
 * say) and no message is lost.
 */
export class Handover<A, E = never> {
  private message: Either.Either<A, E> | undefined
  private readonly room = Effect.unsafeMakeLatch(true)
  private readonly bell = Effect.unsafeMakeLatch()

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
    this.bell.unsafeOpen()
  }

  /** The message, if there is one; an error stays. */
  readonly take: Effect.Effect<Option.Option<A>, E> = Effect.suspend(() => {
    const { message } = this
    if (message === undefined) return Effect.succeedNone
    if (Either.isLeft(message)) return Effect.fail(message.left)
    this.message = undefined
    this.bell.unsafeClose()
    this.room.unsafeOpen()
    return Effect.succeed(Option.some(message.right))
  })

  /**
   * Waits until the bell has been rung, since the last wait or since a message was taken (after which whoever takes looks
   * at everything anew), or for so many ms (Infinity: for the bell alone). Answers whether it was rung.
   */
  wait(ms: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const rung = Effect.as(Effect.zipRight(this.bell.await, this.bell.close), true)
      return Number.isFinite(ms)
        ? Effect.timeoutTo(rung, { duration: ms, onTimeout: () => false, onSuccess: () => true })
        : rung
    })
  }
}
