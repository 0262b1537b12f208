import type { Schedule, Scope } from "effect"
import { Deferred, Effect, Exit, Fiber, Mailbox, Option, Schema } from "effect"
import type { Duration } from "effect"

/** Nobody will handle the message: the actor has ended, or failed while it handled an `ask`. */
export class ActorStopped extends Schema.TaggedError<ActorStopped>()("ActorStopped", {
  actor: Schema.String
}) {
  override get message(): string {
    return `The ${this.actor} has stopped and does not answer any more.`
  }
}

/** Where the handler of an `ask` puts its answer. */
export type Reply<A, E = never> = Deferred.Deferred<A, E | ActorStopped>

/**
 * One fiber with a bounded mailbox: it handles its messages one after the other, and nobody else touches its state.
 * Messages carry batches, not single events.
 */
export interface Actor<in Message, out E = never> {
  readonly name: string
  /** Puts a message into the mailbox; waits while that is full. */
  readonly tell: (message: Message) => Effect.Effect<void, ActorStopped>
  /** Tells and waits for the answer that the handler puts into `reply`. */
  readonly ask: <A, E2 = never>(
    message: (reply: Reply<A, E2>) => Message
  ) => Effect.Effect<A, E2 | ActorStopped>
  /** Waits for the end: fails with the error after which the actor was not restarted any more. */
  readonly join: Effect.Effect<void, E>
}

export interface ActorOptions<State, Message, E, R> {
  readonly name: string
  /** Messages that may wait. Senders beyond it wait too, so memory is bounded. */
  readonly capacity: number
  /** The state to begin with, at each start and restart: read it from where it is stored. */
  readonly initial: Effect.Effect<State, E, R>
  readonly handle: (state: State, message: Message) => Effect.Effect<State, E, R>
  /** Last act of a regular end, after the last message. */
  readonly finish?: (state: State) => Effect.Effect<void, E, R>
  /**
   * When to start again after an error (defects are not restarted). The message being handled is gone, its asker gets
   * ActorStopped; messages that wait stay. Without a schedule the first error ends the actor.
   */
  readonly restart?: Schedule.Schedule<unknown, E, R>
  /** How long the end of the scope waits for the mailbox to be drained before it interrupts; default one second. */
  readonly drainWithin?: Duration.DurationInput
}

interface Envelope<Message> {
  readonly message: Message
  /** Tells the asker that no answer will come. */
  readonly refuse?: Effect.Effect<unknown>
}

/**
 * Starts an actor that lives until the scope closes: then it takes no more messages, handles those that wait, and runs
 * `finish`.
 */
export const startActor = <State, Message, E = never, R = never>(
  options: ActorOptions<State, Message, E, R>
): Effect.Effect<Actor<Message, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const mailbox = yield* Mailbox.make<Envelope<Message>>({ capacity: options.capacity })
    const stopped = new ActorStopped({ actor: options.name })

    /** Handles the next message; none when no more will come. */
    const handleNext = (state: State) =>
      Effect.flatMap(Effect.option(mailbox.take), (taken) => {
        if (Option.isNone(taken)) return Effect.succeedNone
        const { message, refuse } = taken.value
        return Effect.asSome(options.handle(state, message).pipe(Effect.onError(() => refuse ?? Effect.void)))
      })

    const life = Effect.gen(function* () {
      let state = yield* options.initial
      while (true) {
        // No message in a variable of this loop: it would be kept while the next one is waited for.
        const next = yield* handleNext(state)
        if (Option.isNone(next)) break
        state = next.value
      }
      if (options.finish !== undefined) yield* options.finish(state)
    })

    // Nobody reads the mailbox any more: whoever waits for an answer or for room must hear of it.
    const close = Effect.gen(function* () {
      const waiting = yield* Effect.orElseSucceed(mailbox.clear, () => [])
      for (const { refuse } of waiting) yield* refuse ?? Effect.void
      yield* mailbox.shutdown
    })

    const lives = options.restart === undefined ? life : Effect.retry(life, options.restart)
    const fiber = yield* Effect.acquireRelease(
      // What is forked while a resource is acquired could not be interrupted otherwise.
      Effect.forkDaemon(Effect.ensuring(Effect.interruptible(lives), close)),
      (running) =>
        mailbox.end.pipe(
          Effect.zipRight(Fiber.await(running)),
          Effect.timeoutOption(options.drainWithin ?? "1 second"),
          // The timeout must be able to interrupt, but not be interrupted itself by what ends the scope: a finalizer
          // is uninterruptible, and interruptible parts of an interrupted fiber do not run. So a fiber of its own.
          Effect.interruptible,
          Effect.forkDaemon,
          Effect.flatMap(Fiber.await),
          Effect.zipRight(Fiber.interrupt(running))
        )
    )

    const post = (envelope: Envelope<Message>) =>
      Effect.flatMap(mailbox.offer(envelope), (accepted) => (accepted ? Effect.void : Effect.fail(stopped)))

    return {
      name: options.name,
      tell: (message) => post({ message }),
      ask: <A, E2>(message: (reply: Reply<A, E2>) => Message) =>
        Effect.gen(function* () {
          const reply: Reply<A, E2> = yield* Deferred.make<A, E2 | ActorStopped>()
          yield* post({ message: message(reply), refuse: Deferred.fail(reply, stopped) })
          return yield* Deferred.await(reply)
        }),
      join: Effect.flatMap(Fiber.await(fiber), (exit) => Exit.asVoid(exit))
    }
  })
