import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { Scope } from "effect"
import { Duration, Effect, Either, Mailbox } from "effect"

/** What a subscriber gets: records, or the news that it has all that the log holds up to `end`. */
export type Fetched =
  { readonly _tag: "Records"; readonly batch: LogBatch } | { readonly _tag: "Drained"; readonly end: number }

/** Where the records of one partition arrive, in order; it fails when they cannot be read. */
export type Fetches = Mailbox.ReadonlyMailbox<Fetched, EventLogError>

interface Subscription {
  readonly topic: Topic
  readonly partition: number
  readonly mailbox: Mailbox.Mailbox<Fetched, EventLogError>
  position: number
  /** Whether the subscriber knows that it is at the log's end. */
  toldDrained: boolean
}

type Message =
  | { readonly _tag: "Open"; readonly subscription: Subscription }
  | { readonly _tag: "Close"; readonly subscription: Subscription }

export interface Reader {
  /** Reads a partition from an offset on, until the scope closes. Waits while the mailbox is full. */
  readonly subscribe: (
    topic: Topic,
    partition: number,
    offset: number
  ) => Effect.Effect<Fetches, never, Scope.Scope>
}

/** Reads that may wait in a partition's mailbox. */
export const mailboxReads = 2

const shortestPauseMs = 2

/**
 * The one consumer of the log: goes round its subscriptions, reads for each that has room, and pauses, longer and
 * longer up to `poll`, when nothing was there. Positions come from subscribers alone.
 */
export const startReader = (
  log: EventLogService,
  options: { readonly readBytes: number; readonly poll: Duration.Duration }
): Effect.Effect<Reader, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = yield* Mailbox.make<Message>()
    const longestPauseMs = Math.max(shortestPauseMs, Duration.toMillis(options.poll))

    /** One read for one subscription; whether it may have more. */
    const serve = (subscription: Subscription) =>
      Effect.gen(function* () {
        const { mailbox, partition, topic } = subscription
        const read = yield* Effect.either(
          log.read(topic, partition, subscription.position, options.readBytes)
        )
        if (Either.isLeft(read)) {
          yield* mailbox.fail(read.left)
          return "failed" as const
        }
        const batch = read.right
        if (batch.count === 0) {
          if (!subscription.toldDrained) {
            subscription.toldDrained = true
            yield* mailbox.offer({ _tag: "Drained", end: subscription.position })
          }
          return "idle" as const
        }
        subscription.toldDrained = false
        subscription.position = batch.offsets[batch.count - 1] + 1
        yield* mailbox.offer({ _tag: "Records", batch })
        return "busy" as const
      })

    const loop = Effect.gen(function* () {
      const open = new Set<Subscription>()
      let pauseMs = shortestPauseMs
      while (true) {
        // Without a subscription there is nothing to poll: wait for one.
        const messages = open.size === 0 ? [yield* inbox.take] : yield* inbox.clear
        for (const { _tag, subscription } of messages) {
          if (_tag === "Open") open.add(subscription)
          else open.delete(subscription)
          pauseMs = shortestPauseMs
        }
        let busy = false
        let waiting = false
        for (const subscription of [...open]) {
          const { mailbox } = subscription
          const size = mailbox.unsafeSize()
          if (size._tag === "None") open.delete(subscription)
          else if (size.value >= mailboxReads) waiting = true
          else {
            const outcome = yield* serve(subscription)
            if (outcome === "failed") open.delete(subscription)
            if (outcome === "busy") busy = true
          }
        }
        if (busy) pauseMs = shortestPauseMs
        if (busy) yield* Effect.yieldNow()
        else {
          yield* Effect.sleep(waiting ? shortestPauseMs : pauseMs)
          pauseMs = Math.min(longestPauseMs, pauseMs * 2)
        }
      }
    })
    yield* Effect.forkScoped(loop)

    return {
      subscribe: (topic, partition, offset) =>
        Effect.gen(function* () {
          const mailbox = yield* Mailbox.make<Fetched, EventLogError>({ capacity: mailboxReads })
          const subscription: Subscription = {
            topic,
            partition,
            mailbox,
            position: offset,
            toldDrained: false
          }
          yield* Effect.acquireRelease(inbox.offer({ _tag: "Open", subscription }), () =>
            Effect.zipRight(mailbox.shutdown, inbox.offer({ _tag: "Close", subscription }))
          )
          return mailbox
        })
    }
  })
