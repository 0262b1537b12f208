import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { TopicPartition } from "@musify/stream/EventLog.ts"
import type { Mailbox } from "effect"
import type { Dice } from "./Dice.ts"
import { topic } from "./SimulatedLog.ts"
import type { Timeline } from "./Timeline.ts"
import type { Writer } from "./Writer.ts"

export type Assignments = Mailbox.Mailbox<ReadonlyArray<TopicPartition>, EventLogError>

interface Member {
  readonly writer: Writer
  readonly assignments: Assignments
  /** The group has not heard of it for a session: it is no member until it is heard of again. */
  isExpired: boolean
  mine: ReadonlyArray<number>
  /** Of the last assignment that it has heard of: older ones that are still on their way come to nothing. */
  heard: number
}

/** How long the group waits for a member that it does not hear of, ms. */
const sessionMs = 6_000

/**
 * The consumer group of a run: shares the partitions among its members, whole and without overlap as far as they know.
 * News takes its time, so an old owner goes on for a while beside the new one; a paused one does so as long as it sleeps
 * and when it wakes. `shared`: all members get all partitions, as in a log that knows no groups.
 */
export class SimulatedGroup {
  private readonly members: Array<Member> = []
  private readonly partitions: ReadonlyArray<number>
  private readonly timeline: Timeline
  private readonly dice: Dice
  private readonly trace: (what: string) => void
  private shared: boolean
  private generations = 0
  private readonly isAlwaysShared: boolean

  constructor(
    partitions: number,
    isAlwaysShared: boolean,
    timeline: Timeline,
    dice: Dice,
    trace: (what: string) => void
  ) {
    this.partitions = Array.from({ length: partitions }, (_, partition) => partition)
    this.isAlwaysShared = isAlwaysShared
    this.shared = isAlwaysShared
    this.timeline = timeline
    this.dice = dice
    this.trace = trace
  }

  join(writer: Writer, assignments: Assignments): void {
    this.members.push({ writer, assignments, isExpired: false, mine: [], heard: 0 })
    this.settle()
    // It has ended while this was on its way, and will never leave.
    if (writer.hasEnded) this.missed(writer)
  }

  leave(writer: Writer): void {
    const index = this.members.findIndex((member) => member.writer === writer)
    if (index < 0) return
    this.members.splice(index, 1)
    this.settle()
  }

  /** A writer is not heard of any more (killed, ended or paused); after a session its partitions go to others. */
  missed(writer: Writer): void {
    this.timeline.after(sessionMs, () => {
      const member = this.members.find((one) => one.writer === writer)
      if (member === undefined) return
      if (writer.process.state === "dead" || writer.hasEnded) return this.leave(writer)
      if (writer.process.state === "running") return
      member.isExpired = true
      this.settle()
    })
  }

  /** A paused writer is heard of again. */
  heardOf(writer: Writer): void {
    const member = this.members.find((one) => one.writer === writer)
    if (member?.isExpired !== true) return
    this.timeline.after(this.dice.between(1, 4_000), () => {
      member.isExpired = false
      this.settle()
    })
  }

  /** Everybody gets everything, until `ms` have passed. */
  shareFor(ms: number): void {
    this.shared = true
    this.settle()
    this.timeline.after(ms, () => {
      this.shared = this.isAlwaysShared
      this.settle()
    })
  }

  /** Moves the partitions about `times` times. */
  storm(times: number): void {
    this.settle()
    if (times > 0) this.timeline.after(this.dice.between(50, 3_000), () => this.storm(times - 1))
  }

  /** Whether a partition is this writer's, as the group has decided; of a log without members it is everybody's. */
  isOwner(writer: Writer, partition: number): boolean {
    if (this.members.length === 0) return true
    return this.members.some((member) => member.writer === writer && member.mine.includes(partition))
  }

  /** Shares out anew; each member hears of it some time later. */
  private settle(): void {
    const { dice } = this
    const members = this.members.filter(({ isExpired }) => !isExpired)
    if (members.length === 0) return
    const first = dice.below(members.length)
    const generation = ++this.generations
    for (const [index, member] of members.entries()) {
      member.mine = this.partitions.filter(
        (partition) => this.shared || (partition + first) % members.length === index
      )
      const mine = member.mine.map((partition) => ({ topic, partition }))
      const text = member.mine.length === 0 ? "nothing" : member.mine.join(" and ")
      this.timeline.after(dice.between(1, dice.chance(80) ? 50 : 2_000), () => {
        if (member.heard > generation) return
        member.heard = generation
        this.trace(`${member.writer.process.name} is given ${text}`)
        member.writer.process.deliver(() => void member.assignments.unsafeOffer(mine))
      })
    }
  }
}
