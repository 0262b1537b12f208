import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ingest } from "@musify/ingestor/ingest.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Cause, Duration, Effect } from "effect"
import type { Call } from "./calls.ts"
import { makeCall } from "./calls.ts"
import { Coverage } from "./Coverage.ts"
import { Dice } from "./Dice.ts"
import type { Strike } from "./faults.ts"
import type { Truth } from "./invariants.ts"
import type { Contradiction } from "@musify/lake/testing/lakeInvariants.ts"
import { atEachChange, atEachHalt, atEachRead, atTheEnd, reasonToStop } from "./invariants.ts"
import type { Chain, StoreChange } from "@musify/lake/testing/Lake.ts"
import { Lake } from "@musify/lake/testing/Lake.ts"
import { logPort } from "./logPort.ts"
import { Process } from "./Process.ts"
import type { PlannedStrike, Scenario } from "./Scenario.ts"
import { losing } from "./Scenario.ts"
import { SimulatedGroup } from "./SimulatedGroup.ts"
import type { SimulatedPartition } from "./SimulatedLog.ts"
import { longestRecord, memoryOfRecord, shortestRecord, SimulatedLog } from "./SimulatedLog.ts"
import { SimulatedStore } from "./SimulatedStore.ts"
import { isOfLog, type Step } from "./steps.ts"
import { storePort } from "./storePort.ts"
import { strikeLog } from "./strikeLog.ts"
import { epoch, Timeline } from "./Timeline.ts"
import { Trace } from "./Trace.ts"
import { decoderOf, type Release, releaseOf, type Writer } from "./Writer.ts"

export type Ingest = typeof ingest

/** The ingestor under test, and a release of it whose decoder has another version. */
export type Releases = Readonly<Record<Release, Ingest>>

/** A strike at one call of the first writer, for sweeps. */
export interface SweptStrike {
  /** The how manieth call of the first process of slot 0, from 0. */
  readonly call: number
  readonly fault: Strike
}

export interface Violation {
  readonly invariant: string
  readonly text: string
}

export interface Outcome {
  readonly violation: Violation | undefined
  readonly hash: string
  readonly steps: number
  readonly tail: ReadonlyArray<string>
  readonly coverage: ReadonlyArray<number>
  readonly batches: number
  readonly writers: number
  /** The calls of the first process of slot 0, in order: what a sweep strikes. */
  readonly calls: ReadonlyArray<Step>
  readonly virtualMs: number
}

const changeChecks = Object.entries(atEachChange)
const haltChecks = Object.entries(atEachHalt)
const readChecks = Object.entries(atEachRead)
const endChecks = Object.entries(atTheEnd)

/** Name of the process that sweeps strike: the one that starts first. */
const firstProcess = "w0.0"

/** How long faults last at least after the last append, and at most while the one that is aimed at waits, ms. */
const lastingMs = 8_000
const waitingMs = 30_000
/** How long a read waits for records where the log lets it, ms. */
const longPollMs = 5_000
/** How often it is looked whether all is done once faults have ended, and what a person would do is done, ms. */
const watchMs = 5_000
/** Bound of the progress invariant: time from the end of all faults to rest, ms. */
const restWithinMs = 240_000
/** What still sleeps somewhere gets this long to do harm after all is done, ms. */
const restMs = 8_000

/** One seed's run, from its first append to rest; synchronous, so nothing of the machine has a part in it. */
export class Run {
  private readonly scenario: Scenario
  private readonly releases: Releases
  private readonly swept: SweptStrike | undefined
  private readonly timeline = new Timeline()
  private readonly dice: Dice
  private readonly trace = new Trace(60)
  private readonly coverage = new Coverage()
  private readonly log: SimulatedLog
  private readonly group: SimulatedGroup
  private readonly store: SimulatedStore
  private readonly lake: Lake
  private readonly call: ReturnType<typeof makeCall>
  private readonly waiting: Array<PlannedStrike>
  /** The strike that the seed is aimed at. */
  private readonly aimed: PlannedStrike | undefined
  private readonly aimEnds: number
  /** The writer in each slot; undefined while none runs there. */
  private readonly slots: Array<Writer | undefined> = []
  /** Paused writers, and after how many steps of others, while these open a chain, they go on at the latest. */
  private readonly paused: Map<Writer, number> = new Map()
  private readonly defects: Array<string> = []
  /** Partitions of which a writer has told a loss that is one. */
  private readonly told: Set<number> = new Set()
  private made = 0
  private readonly firstCalls: Array<Step> = []
  private faultsEnd: number
  private storeAwayUntil = 0
  private logAwayUntil = 0
  private awayMs = 0
  private phase: "faults" | "settling" | "resting" | "over" = "faults"
  private restAt = 0
  private violation: Violation | undefined

  constructor(scenario: Scenario, releases: Releases, swept?: SweptStrike) {
    this.scenario = scenario
    this.releases = releases
    this.swept = swept
    const dice = new Dice(scenario.seed ^ 0x5eed)
    this.dice = dice
    this.log = new SimulatedLog(scenario.partitions, scenario.malformed, this.timeline, dice.fork())
    this.lake = new Lake(scenario.partitions)
    this.store = new SimulatedStore(scenario.hasMetadata, this.timeline, dice.fork(), (change) =>
      this.changed(change)
    )
    const note = (what: string) => this.trace.add(this.timeline.now - epoch, what)
    this.group = new SimulatedGroup(
      scenario.partitions,
      !scenario.hasGroups,
      this.timeline,
      dice.fork(),
      note
    )
    this.waiting = scenario.strikes.map((strike) => ({ ...strike }))
    this.aimed = this.waiting[0]
    this.faultsEnd = epoch + scenario.appends[scenario.appends.length - 1].at + lastingMs
    this.aimEnds = this.faultsEnd - lastingMs + waitingMs
    this.call = makeCall({
      timeline: this.timeline,
      dice: dice.fork(),
      trace: note,
      begin: (call) => this.begin(call),
      performed: (call) => this.performed(call),
      refusedAfter: (step) => this.refusedAfter(step),
      kill: (writer) => this.kill(writer),
      pause: (writer) => this.pause(writer),
      succeedByOtherRelease: (writer) => this.kill(writer, writer.release === 1 ? 2 : 1),
      faultyFor: (ms) => this.faultyFor(ms)
    })
  }

  /** Runs to the end or to the first violation. */
  play(): Outcome {
    const { appends, writers } = this.scenario
    for (const { at, count, holes, partition } of appends)
      this.timeline.after(at, () => this.log.append(this.log.partitions[partition], count, holes))
    for (const [slot, { restartsAt, startsAt }] of writers.entries()) {
      this.timeline.after(startsAt, () => this.startWriter(slot, 1))
      if (restartsAt !== undefined)
        this.timeline.after(restartsAt, () => {
          if (this.phase !== "faults") return
          this.slots[slot]?.process.stop()
        })
    }
    this.watchFaults()
    while (this.violation === undefined && this.phase !== "over" && this.timeline.step());
    if (this.violation === undefined) this.checkEnd()
    return {
      violation: this.violation,
      hash: this.trace.hash,
      steps: this.trace.steps,
      tail: this.trace.tail,
      coverage: this.coverage.counts,
      batches: this.lake.plans,
      writers: this.made,
      calls: this.firstCalls,
      virtualMs: this.timeline.now - epoch
    }
  }

  private reasonToStop(partition: number): string | undefined {
    return reasonToStop(this.lake.chains[partition], this.log.partitions[partition])
  }

  private get truth(): Truth {
    return { log: this.log, lake: this.lake }
  }

  private note(what: string): void {
    this.trace.add(this.timeline.now - epoch, what)
  }

  private violate(invariant: string, contradiction: Contradiction): void {
    if (contradiction === undefined || this.violation !== undefined) return
    this.violation = { invariant, text: contradiction }
    this.note(`VIOLATION of ${invariant}: ${contradiction}`)
  }

  // Writers

  private startWriter(slot: number, release: Release): void {
    const { bytes, gatherBytes, maxFiles, pollMs, readBytes, rollMs, rows } = this.scenario
    const { skewMs } = this.scenario.writers[slot]
    const name = `w${slot}.${this.made++}`
    const process = new Process(name, this.timeline, skewMs, this.dice.below(2 ** 31))
    const writer: Writer = {
      slot,
      process,
      release,
      skewMs,
      halted: new Set(),
      doubtful: new Set(),
      hasEnded: false,
      reading: new Map()
    }
    this.slots[slot] = writer
    this.note(`${name} starts${release === 1 ? "" : " with another decoder"}`)
    const program = this.releases[release]({
      rows,
      bytes,
      gatherBytes,
      maxFiles,
      readBytes,
      roll: Duration.millis(rollMs),
      poll: Duration.millis(pollMs),
      writer: name
    }).pipe(
      Effect.provideService(ObjectStore, storePort(this.store, this.call, writer)),
      Effect.provideService(
        EventLog,
        logPort(
          this.log,
          this.group,
          this.call,
          writer,
          this.scenario.hasGroups ? (at, go) => this.longPoll(at, go) : undefined,
          (partition, from, next) => this.hasRead(writer, partition, from, next),
          (partition, offset) => this.hasStored(writer, partition, offset)
        )
      ),
      Effect.provideService(Progress, {
        report: () => Effect.void,
        finish: () => Effect.void,
        say: (line) => Effect.sync(() => this.said(writer, line))
      })
    )
    process.start(program, (fiber) => {
      const exit = fiber.unsafePoll()
      writer.hasEnded = true
      this.note(`${name} ends: ${exit?._tag}`)
      if (exit?._tag === "Failure" && Cause.isDie(exit.cause))
        this.defects.push(`${name}: ${Cause.pretty(exit.cause)}`)
      // Whatever runs processes starts them again, those that gave up their partitions after a while.
      this.succeed(writer, writer.release, exit?._tag === "Success" ? 20_000 : 100)
    })
  }

  /** Another process takes the writer's place some time later, `leastMs` at least. */
  private succeed(writer: Writer, release: Release, leastMs: number): void {
    this.timeline.after(leastMs + this.dice.below(10_000), () => {
      if (this.slots[writer.slot] === writer && this.phase !== "over" && this.phase !== "resting")
        this.startWriter(writer.slot, release)
    })
  }

  private kill(writer: Writer, successor: Release = writer.release): void {
    if (writer.process.state === "dead" || writer.hasEnded) return
    this.note(`${writer.process.name} is killed`)
    writer.process.kill()
    this.paused.delete(writer)
    this.group.missed(writer)
    this.succeed(writer, successor, 100)
  }

  /** Stops a process until the chain has grown without it (then `before` happens first), or time is up. */
  private pause(writer: Writer, before?: () => void): void {
    if (writer.process.state !== "running" || writer.hasEnded) return
    this.note(`${writer.process.name} is paused`)
    writer.process.pause()
    const isWatched = before === undefined && this.dice.chance(50)
    this.paused.set(writer, isWatched ? this.dice.between(1, 12) : Number.POSITIVE_INFINITY)
    this.group.missed(writer)
    const plans = this.lake.plans + this.dice.between(1, 3)
    const until = this.timeline.now + this.dice.between(10_000, 90_000)
    const look = () => {
      if (!this.paused.has(writer)) return
      if (this.lake.plans >= plans) before?.()
      if (this.lake.plans >= plans || this.timeline.now >= until || this.phase !== "faults")
        this.resume(writer)
      else this.timeline.after(this.dice.between(500, 3_000), look)
    }
    this.timeline.after(1_000, look)
  }

  private resume(writer: Writer): void {
    if (!this.paused.has(writer)) return
    this.note(`${writer.process.name} goes on`)
    this.paused.delete(writer)
    this.group.heardOf(writer)
    writer.process.resume()
  }

  private said(writer: Writer, line: string): void {
    this.note(`${writer.process.name} says: ${line}`)
    if (line.includes("fault in Musify itself")) this.defects.push(`${writer.process.name}: ${line}`)
    const halt = /^\w+\/(\d+) has stopped: ([\s\S]*)$/.exec(line)
    if (halt === null) return
    const partition = Number(halt[1])
    writer.halted.add(partition)
    if (this.reasonToStop(partition) !== undefined) this.told.add(partition)
    for (const [name, holds] of haltChecks)
      this.violate(
        name,
        holds(
          {
            partition,
            message: halt[2],
            decoder: decoderOf(writer.release),
            wasDoubtful: writer.doubtful.has(partition)
          },
          this.truth
        )
      )
  }

  private hasRead(writer: Writer, partition: number, from: number, next: number): void {
    const reading = writer.reading.get(partition)
    const chain = this.lake.chains[partition]
    // Who reads from a plan's end has begun there, or has just taken over what is before it.
    const begins = chain.plans.some((plan) => plan.end === from && chain.missing(plan).length === 0)
    if (reading === undefined || reading.next !== from || begins)
      writer.reading.set(partition, { from, next })
    else reading.next = next
    let held = 0
    for (const [of, { from: first, next: end }] of writer.reading)
      held += this.log.partitions[of].memoryBetween(first, end)
    const checked = { process: writer.process.name, bytes: held, bound: this.memoryBound }
    for (const [name, holds] of readChecks) this.violate(name, holds(checked))
  }

  /** Gathered batches, as far as settings allow, and for each partition a read in hand and one ahead. */
  private get memoryBound(): number {
    const { bytes, gatherBytes, partitions, readBytes, rows } = this.scenario
    const longest = longestRecord + memoryOfRecord
    const read = (Math.ceil(readBytes / shortestRecord) + 1) * longest
    const batch = Math.min(rows, Math.ceil(bytes / shortestRecord) + 1) * longest
    return Math.min(partitions * batch, Math.max(gatherBytes, read)) + partitions * 2 * read
  }

  private longPoll(at: SimulatedPartition, go: () => void): void {
    let isWaiting = true
    const once = () => {
      if (isWaiting) go()
      isWaiting = false
    }
    at.onceChanged(once)
    const isAway = this.storeAwayUntil - this.timeline.now > longPollMs
    this.timeline.after(isAway ? longPollMs * 30 : longPollMs, once)
  }

  private hasStored(writer: Writer, partition: number, offset: number): void {
    const reading = writer.reading.get(partition)
    if (reading !== undefined) reading.from = Math.max(reading.from, offset)
  }

  // The world

  private changed(change: StoreChange): void {
    const understood = this.lake.understand(change)
    for (const [name, holds] of changeChecks) this.violate(name, holds(understood, this.truth))
    if (this.violation === undefined) this.lake.apply(understood)
  }

  private faultyFor(ms: number): void {
    this.faultsEnd = Math.max(this.faultsEnd, this.timeline.now + ms)
  }

  private refusedAfter(step: Step): number | undefined {
    const until = isOfLog(step) ? this.logAwayUntil : this.storeAwayUntil
    if (this.timeline.now >= until) return undefined
    this.coverage.hit(step, isOfLog(step) ? "log away" : "store away")
    return this.awayMs
  }

  /** Which strike waits for this call, if any; what it does to the world is done. */
  private begin({ partition, step, writer }: Call<unknown, unknown>): Strike | undefined {
    if (writer.skewMs !== 0) this.coverage.hit(step, "clock skew")
    if (this.log.hasHoles) this.coverage.hit(step, "holes in the log")
    if (step === "log range" && partition !== undefined) writer.reading.delete(partition)
    if (writer.process.name === firstProcess) this.firstCalls.push(step)
    const fault = this.strikeAt(writer, step, partition)
    if (fault === undefined) return undefined
    if (fault !== "store away" && fault !== "log away") this.coverage.hit(step, fault)
    this.strikeWorld(fault, writer, partition)
    return fault === "retention" ? this.besideRetention(writer, step, this.chainAt(partition)) : fault
  }

  /** What happens to a writer while retention strikes, so that it matters. */
  private besideRetention(writer: Writer, step: Step, chain: Chain): Strike {
    const { dice } = this
    // What an open plan still needs is gone for good when its writer goes with it, or for as long as that sleeps.
    if (chain.missingOfTail.length > 0 && dice.chance(75))
      return dice.chance(50) ? "killed before" : "paused before"
    // Who sleeps between tail and log wakes with a tail that retention has long passed, to no harm.
    if (step === "log range" && this.reasonToStop(chain.partition) === undefined && dice.chance(70)) {
      const at = this.log.partitions[chain.partition]
      this.log.append(at, dice.between(1, 3), 0)
      this.pause(writer, () => {
        at.start = Math.max(at.start, chain.stored)
        this.note(
          `partition ${chain.partition}: retention moves its start to ${at.start}, all before is stored`
        )
      })
      return "paused before"
    }
    return "retention"
  }

  private performed({ partition, step, writer }: Call<unknown, unknown>): void {
    if (step === "check file" || step === "log range" || step === "read plan" || step === "read seal")
      for (const [sleeper, left] of this.paused) {
        this.paused.set(sleeper, left - 1)
        if (left === 1) this.timeline.after(this.dice.below(10), () => this.resume(sleeper))
      }
    if (step !== "read plan" || partition === undefined) return
    if (this.reasonToStop(partition) === undefined) writer.doubtful.delete(partition)
    else writer.doubtful.add(partition)
  }

  private strikeAt(writer: Writer, step: Step, partition: number | undefined): Strike | undefined {
    if (this.phase !== "faults") return undefined
    if (this.swept !== undefined)
      return writer.process.name === firstProcess && this.firstCalls.length === this.swept.call + 1
        ? this.swept.fault
        : undefined
    for (const [index, strike] of this.waiting.entries()) {
      if (strike.step !== step || (strike.slot !== undefined && strike.slot !== writer.slot)) continue
      if (this.lake.plans < strike.plans || !this.canTell(strike.fault, partition)) continue
      if (--strike.nth > 0) continue
      this.waiting.splice(index, 1)
      return strike.fault
    }
    return undefined
  }

  /** Records may be lost only where there is a chain that can tell. */
  private canTell(fault: Strike, partition: number | undefined): boolean {
    return !losing.includes(fault) || this.chainAt(partition).plans.length > 0
  }

  private chainAt(partition: number | undefined): Chain {
    return this.lake.chains[partition ?? 0]
  }

  private strikeWorld(fault: Strike, writer: Writer, partition: number | undefined): void {
    const { dice } = this
    switch (fault) {
      case "store away":
      case "log away": {
        // Only where reads wait for records: polling through hours is much work for nothing.
        const isLong = this.scenario.hasGroups && dice.chance(20)
        const ms = isLong ? dice.between(3_600_000, 18_000_000) : dice.between(2_000, 40_000)
        // However long, some dozens of calls wait in vain.
        this.awayMs = isLong ? Math.ceil(ms / dice.between(15, 50)) : dice.between(1, 500)
        if (fault === "store away") this.storeAwayUntil = this.timeline.now + ms
        else this.logAwayUntil = this.timeline.now + ms
        this.faultyFor(ms + this.awayMs)
        return
      }
      case "rebalance storm":
        return this.group.storm(dice.between(2, 8))
      case "two writers":
        return this.group.shareFor(dice.between(5_000, 40_000))
      case "retention":
      case "recreated shorter":
      case "recreated longer": {
        const chain = this.chainAt(partition)
        const at = this.log.partitions[chain.partition]
        const told = strikeLog(fault, this.log, at, chain, this.timeline, dice)
        this.note(`partition ${chain.partition}: ${told}`)
        this.faultyFor(20_000)
      }
    }
  }

  // Phases

  private watchFaults(): void {
    this.timeline.after(Math.max(1, this.faultsEnd - this.timeline.now), () => {
      if (this.aimed !== undefined && this.waiting.includes(this.aimed) && this.timeline.now < this.aimEnds)
        this.faultyFor(watchMs)
      if (this.timeline.now < this.faultsEnd) return this.watchFaults()
      this.note("faults end")
      this.phase = "settling"
      this.restAt = this.timeline.now + restWithinMs
      for (const writer of [...this.paused.keys()]) this.resume(writer)
      this.watchRest()
    })
  }

  private watchRest(): void {
    this.timeline.after(watchMs, () => {
      if (this.isDone()) {
        this.phase = "resting"
        this.timeline.after(restMs, () => this.end())
      } else if (this.timeline.now >= this.restAt) this.phase = "over"
      else {
        this.restartByHand()
        this.watchRest()
      }
    })
  }

  private end(): void {
    this.note("all are asked to end")
    for (const writer of this.slots) writer?.process.stop()
    this.timeline.after(restMs, () => void (this.phase = "over"))
  }

  /** Whether all is in the lake, or has stopped for a reason. */
  private isDone(): boolean {
    return this.lake.chains.every((chain) => {
      const at = this.log.partitions[chain.partition]
      if (reasonToStop(chain, at) !== undefined)
        return (
          this.told.has(chain.partition) &&
          this.ownersOf(chain).every(({ halted }) => halted.has(chain.partition))
        )
      return (
        at.acknowledged[chain.incarnation].every(({ id }) => chain.ids.has(id)) &&
        (chain.plans.length === 0 || chain.isClosed(chain.plans.length - 1))
      )
    })
  }

  /** Writers that a partition is given to, and that have not been killed. */
  private ownersOf(chain: Chain): ReadonlyArray<Writer> {
    return this.slots.filter(
      (writer): writer is Writer =>
        writer !== undefined &&
        writer.process.state !== "dead" &&
        (writer.hasEnded ? writer.halted.has(chain.partition) : this.group.isOwner(writer, chain.partition))
    )
  }

  /**
   * What a person does about writers that have stopped a partition without need (the other release's plan is done, the
   * lost records turned out to be stored): starts them anew, with the release that can go on.
   */
  private restartByHand(): void {
    for (const chain of this.lake.chains) {
      if (this.reasonToStop(chain.partition) !== undefined) continue
      const { tail } = chain
      for (const writer of this.slots) {
        if (writer === undefined || writer.process.state === "dead" || !writer.halted.has(chain.partition))
          continue
        const isOpen = tail !== undefined && !chain.isClosed(tail.seq)
        this.note(`${writer.process.name} is started anew by hand`)
        writer.process.kill()
        this.group.leave(writer)
        this.startWriter(writer.slot, isOpen ? releaseOf(tail.decoder) : writer.release)
      }
    }
  }

  private checkEnd(): void {
    const halted = new Map<string, ReadonlySet<number>>()
    for (const chain of this.lake.chains)
      for (const writer of this.ownersOf(chain)) halted.set(writer.process.name, writer.halted)
    const end = {
      log: this.log,
      lake: this.lake,
      cameToRest: this.isDone(),
      halted,
      told: this.told,
      defects: this.defects
    }
    for (const [name, holds] of endChecks) this.violate(name, holds(end))
  }
}
