import type { EventLogService, TopicPartition } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { EventLogUnavailable, OffsetOutOfRange } from "@musify/stream/EventLogError.ts"
import { Effect, Exit, Mailbox } from "effect"
import type { makeCall } from "./calls.ts"
import type { Assignments, SimulatedGroup } from "./SimulatedGroup.ts"
import type { SimulatedLog, SimulatedPartition } from "./SimulatedLog.ts"
import { topic } from "./SimulatedLog.ts"
import type { Step } from "./steps.ts"
import type { Writer } from "./Writer.ts"

const unavailable = (why: string): EventLogError =>
  new EventLogUnavailable({ message: `the log: ${why}`, retryable: true })

/**
 * The log as one writer sees it. `longPoll`: how a read at the log's end waits for records, as Kafka's do. A client that knew a partition before it was deleted gets an error from it at least
 * once, however fast it was made anew; then it reads the new one as if nothing had happened.
 */
export const logPort = (
  log: SimulatedLog,
  group: SimulatedGroup,
  call: ReturnType<typeof makeCall>,
  writer: Writer,
  longPoll: ((at: SimulatedPartition, go: () => void) => void) | undefined,
  onRead: (partition: number, from: number, next: number) => void,
  onCommit: (partition: number, offset: number) => void
): EventLogService => {
  const known = new Map<number, number>()

  const atPartition = <A>(
    step: Step,
    partition: number,
    what: string,
    perform: (at: SimulatedPartition) => Exit.Exit<A, EventLogError>,
    wait?: (go: () => void) => void
  ): Effect.Effect<A, EventLogError> =>
    call({
      writer,
      step,
      what: `${partition}${what}`,
      partition,
      unavailable,
      ...(wait === undefined ? {} : { wait }),
      perform: () => {
        const at = log.partitions[partition]
        const incarnation = known.get(partition)
        if (step === "commit offset") return perform(at)
        known.set(partition, at.incarnation)
        return at.isDeleted || (incarnation !== undefined && incarnation !== at.incarnation)
          ? Exit.fail(unavailable(`this server does not host ${topic}/${partition}`))
          : perform(at)
      }
    })

  const port: EventLogService = {
    partitions: (of) => Effect.succeed(of === topic ? log.partitions.length : 0),
    append: () => Effect.dieMessage("The ingestor appends nothing."),
    read: (_, partition, offset, maxBytes) =>
      Effect.tap(
        atPartition(
          "read log",
          partition,
          ` from ${offset}`,
          (at) =>
            offset < at.start || offset > at.end
              ? Exit.fail(new OffsetOutOfRange({ topic, partition, offset, start: at.start, end: at.end }))
              : Exit.succeed(at.read(offset, maxBytes)),
          longPoll === undefined
            ? undefined
            : (go) => {
                const at = log.partitions[partition]
                if (offset === at.end && !at.isDeleted) longPoll(at, go)
                else go()
              }
        ),
        ({ count, offsets }) =>
          Effect.sync(() => onRead(partition, offset, count === 0 ? offset : offsets[count - 1] + 1))
      ),
    range: (_, partition) =>
      atPartition("log range", partition, "", ({ end, start }) => Exit.succeed({ start, end })),
    commit: (name, _, partition, offset) =>
      Effect.suspend(() => {
        onCommit(partition, offset)
        return atPartition("commit offset", partition, ` ${offset}`, () => {
          log.committed.set(`${name}/${partition}`, offset)
          return Exit.void
        })
      }),
    committed: (name, _, partition) => Effect.sync(() => log.committed.get(`${name}/${partition}`)),
    join: () =>
      Effect.gen(function* () {
        const assignments: Assignments = yield* Effect.acquireRelease(
          Mailbox.make<ReadonlyArray<TopicPartition>, EventLogError>(),
          (mailbox) =>
            Effect.zipRight(
              mailbox.shutdown,
              Effect.sync(() => group.leave(writer))
            )
        )
        yield* call({
          writer,
          step: "join group",
          what: "",
          partition: undefined,
          unavailable,
          perform: () => Exit.succeed(group.join(writer, assignments))
        })
        return { assignments, read: port.read }
      })
  }
  return port
}
