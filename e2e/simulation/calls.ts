import { Effect } from "effect"
import type { Exit } from "effect"
import type { Step } from "./steps.ts"
import type { Strike } from "./faults.ts"
import type { Dice } from "./Dice.ts"
import type { Timeline } from "./Timeline.ts"
import type { Writer } from "./Writer.ts"

/** One call of a writer to log or store. */
export interface Call<A, E> {
  readonly writer: Writer
  readonly step: Step
  /** Name of the object, or topic, partition and offset. */
  readonly what: string
  readonly partition: number | undefined
  /** What the other side does when the call reaches it. */
  readonly perform: () => Exit.Exit<A, E>
  /** Waits on the other side before it is performed, and goes on by `go`: a read until there are records, say. */
  readonly wait?: (go: () => void) => void
  /** The error of a call that was not answered. */
  readonly unavailable: (why: string) => E
}

/** What a call needs of the run. */
export interface Surroundings {
  readonly timeline: Timeline
  readonly dice: Dice
  readonly trace: (what: string) => void
  /** A call begins: what strikes it. The world's part of the strike has happened. */
  readonly begin: (call: Call<unknown, unknown>) => Strike | undefined
  /** A call has been performed. */
  readonly performed: (call: Call<unknown, unknown>) => void
  /** How long (ms) a call waits to be refused because its other side is away; undefined: it is there. */
  readonly refusedAfter: (step: Step) => number | undefined
  readonly kill: (writer: Writer) => void
  readonly pause: (writer: Writer) => void
  readonly succeedByOtherRelease: (writer: Writer) => void
  /** Something is still to take effect at this time (ms from now): faults do not end before. */
  readonly faultyFor: (ms: number) => void
}

/**
 * Carries a call to its other side and the answer back, each way taking its time: nearly always some ms, so that any two
 * writers' calls come in any order. Once on the way a request takes effect, whatever becomes of its sender.
 */
export const makeCall =
  (around: Surroundings) =>
  <A, E>(call: Call<A, E>): Effect.Effect<A, E> =>
    Effect.async<A, E>((resume) => {
      const { dice, timeline } = around
      const { process } = call.writer
      const travel = () => (dice.chance(4) ? dice.between(20, 400) : 1 + dice.below(3000) / 1000)
      const answer = (exit: Effect.Effect<A, E>, ms: number) =>
        timeline.after(ms, () => process.deliver(() => resume(exit)))
      const fail = (why: string, ms: number) => answer(Effect.fail(call.unavailable(why)), ms)
      const send = (ms: number, then: (exit: Exit.Exit<A, E>) => void) => {
        const arrive = () => {
          const exit = call.perform()
          around.trace(`${process.name} ${call.step} ${call.what}: ${outcome(exit)}`)
          around.performed(call as Call<unknown, unknown>)
          then(exit)
        }
        timeline.after(ms, call.wait === undefined ? arrive : () => call.wait!(arrive))
      }
      const nothing = () => {}
      const longWay = () => {
        const ms = dice.chance(50) ? dice.between(500, 5_000) : dice.between(5_000, 60_000)
        around.faultyFor(ms)
        return ms
      }
      const normally = () => {
        const refusedAfter = around.refusedAfter(call.step)
        if (refusedAfter === undefined) send(travel(), (exit) => answer(exit, travel()))
        else fail("away", refusedAfter)
      }

      const strike = around.begin(call as Call<unknown, unknown>)
      if (strike !== undefined) around.trace(`${process.name} ${call.step} ${call.what}: ${strike}`)
      switch (strike) {
        case "killed before":
          return around.kill(call.writer)
        case "killed in flight":
          around.kill(call.writer)
          send(longWay(), nothing)
          return
        case "killed after":
          send(travel(), () => around.kill(call.writer))
          return
        case "other release":
          send(travel(), () => around.succeedByOtherRelease(call.writer))
          return
        case "paused before":
          around.pause(call.writer)
          return process.deliver(normally)
        case "paused after":
          send(travel(), (exit) => {
            around.pause(call.writer)
            answer(exit, travel())
          })
          return
        case "refused":
          fail(strike, travel())
          return
        case "lost answer":
          send(travel(), () => fail(strike, travel()))
          return
        case "late effect":
          fail(strike, travel())
          send(longWay(), nothing)
          return
        case "slow answer":
          send(travel(), (exit) => answer(exit, longWay()))
          return
        default:
          normally()
      }
    })

const outcome = (exit: Exit.Exit<unknown, unknown>): string => {
  if (exit._tag === "Failure") return exit.cause._tag === "Fail" ? String(exit.cause.error) : exit.cause._tag
  return typeof exit.value === "string" ? exit.value : "done"
}
