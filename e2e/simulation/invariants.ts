import { hourPath } from "@musify/domain/Hour.ts"
import type { Chain, Lake, LakeChange } from "./Lake.ts"
import type { SimulatedLog, SimulatedPartition, SimulatedRecord } from "./SimulatedLog.ts"

/** What is true, whatever the writers believe. */
export interface Truth {
  readonly log: SimulatedLog
  readonly lake: Lake
}

/** What contradicts an invariant, in words; undefined when nothing does. */
export type Contradiction = string | undefined

/** Checked at each change of the bucket, before it is taken into account: each looks only at what changed. */
export const atEachChange = {
  /** What is stored stays as it is. */
  nothingIsOverwrittenOrRemoved: (change: LakeChange): Contradiction =>
    change.kind === "overwritten" || change.kind === "removed"
      ? `${change.name} was ${change.kind}`
      : undefined,

  /** Every object can be read whole at any moment: puts are atomic. */
  everyObjectIsWhole: (change: LakeChange): Contradiction =>
    change.kind === "broken" ? `${change.name} cannot be read: ${change.why}` : undefined,

  /** Each plan is the next one, begins where the one before it ends, and is not empty. */
  plansHaveNoGap: (change: LakeChange): Contradiction => {
    if (change.kind !== "plan") return undefined
    const { chain, name, plan } = change
    if (plan.seq !== chain.plans.length) return `${name} comes after ${chain.plans.length} plans`
    if (plan.end <= plan.start) return `${name} plans ${plan.start} to ${plan.end}`
    return chain.plans.length > 0 && plan.start !== chain.end
      ? `${name} starts at ${plan.start}, the plan before it ends at ${chain.end}`
      : undefined
  },

  /** A plan ends with a record of the log that the chain was made from: nothing of a log made anew is taken. */
  plansAreOfOneLog: (change: LakeChange, { log }: Truth): Contradiction => {
    if (change.kind !== "plan") return undefined
    const { chain, name, plan } = change
    const of = log.partitions[chain.partition].incarnationOf(plan.end, plan.witness)
    if (of === undefined) return `${name} ends at ${plan.end} with a record that the log never held`
    if (chain.plans.length === 0) chain.incarnation = of
    return of === chain.incarnation ? undefined : `${name} holds records of a log that was made anew`
  },

  /** A plan has a row for every record that the log acknowledged in its range: none is skipped. */
  plansAreComplete: (change: LakeChange, { log }: Truth): Contradiction => {
    if (change.kind !== "plan") return undefined
    const { chain, name, plan } = change
    const planned = [...plan.files, ...plan.deadLetters].reduce((sum, { rows }) => sum + rows, 0)
    const { length } = log.partitions[chain.partition].between(plan.start, plan.end, chain.incarnation)
    return planned === length
      ? undefined
      : `${name} has ${planned} rows, the log acknowledged ${length} records from ${plan.start} to ${plan.end}`
  },

  /** Whoever globs the lake and the dead letters sees no offset twice. */
  noOffsetTwice: (change: LakeChange): Contradiction => {
    if (change.kind !== "file") return undefined
    const seen = new Set<number>()
    for (const { offset } of change.rows) {
      const other = seen.has(offset) ? change.name : change.chain.fileOf.get(offset)
      if (other !== undefined) return `offset ${offset} is in ${other} and in ${change.name}`
      seen.add(offset)
    }
    return undefined
  },

  /** Nothing is written before or beside its plan. */
  noFileOutsideOfAPlan: (change: LakeChange): Contradiction =>
    change.kind === "file" && !change.chain.planned.has(change.name)
      ? `${change.name} is in no plan`
      : undefined,

  /** A file holds as many rows as planned, each the record of its offset, of the plan's range and the path's hour. */
  filesHoldTheirRecords: (change: LakeChange, { log }: Truth): Contradiction => {
    if (change.kind !== "file") return undefined
    const { chain, name, rows } = change
    const planned = chain.planned.get(name)
    if (planned === undefined) return undefined
    if (rows.length !== planned.rows) return `${name} has ${rows.length} rows, its plan says ${planned.rows}`
    const { end, start } = planned.plan
    for (const { id, offset } of rows) {
      const record: SimulatedRecord | undefined = log.byId[id]
      if (record?.offset !== offset || record.incarnation !== chain.incarnation)
        return `${name} holds record ${id} at offset ${offset}, where the log had another one`
      if (offset < start || offset >= end)
        return `${name} holds offset ${offset}, its plan is of ${start} to ${end}`
      if (name.startsWith("lake/") && (record.hour === undefined || !name.includes(hourPath(record.hour))))
        return `${name} holds record ${id}, which belongs to hour ${record.hour}`
    }
    return undefined
  },

  /** An open plan is executed by a release whose decoder made it, or left alone: rows of two decoders do not mix. */
  filesAreOfThePlansDecoder: (change: LakeChange): Contradiction => {
    if (change.kind !== "file") return undefined
    const plan = change.chain.planned.get(change.name)?.plan
    return plan === undefined || plan.decoder === change.decoder
      ? undefined
      : `${change.name} was put by decoder ${change.decoder}, its plan is of decoder ${plan.decoder}`
  },

  /** A plan is closed, by its seal or the next plan, only when all its files are there. */
  whatIsClosedIsComplete: (change: LakeChange): Contradiction => {
    const closes =
      change.kind === "plan"
        ? change.chain.tail
        : change.kind === "seal"
          ? change.chain.plans[change.seq]
          : undefined
    if (change.kind === "seal" && closes === undefined) return `${change.name} seals what is not planned`
    if (closes === undefined) return undefined
    const [missing] = change.kind === "plan" || change.kind === "seal" ? change.chain.missing(closes) : []
    return missing === undefined
      ? undefined
      : `${change.name} closes plan ${closes.seq}, but ${missing} is missing`
  },

  /** To what is closed nothing is added. */
  whatIsClosedStaysAsItIs: (change: LakeChange): Contradiction => {
    if (change.kind !== "file") return undefined
    const planned = change.chain.planned.get(change.name)
    return planned !== undefined && change.chain.isClosed(planned.plan.seq)
      ? `${change.name} was added to plan ${planned.plan.seq}, which is closed`
      : undefined
  }
} satisfies Record<string, (change: LakeChange, truth: Truth) => Contradiction>

/** Acknowledged records of the chain's log that are not in the lake, and that the log does not hold any more. */
export const lostRecords = (chain: Chain, at: SimulatedPartition): ReadonlyArray<SimulatedRecord> => {
  const isAnother = at.incarnation !== chain.incarnation
  return at.acknowledged[chain.incarnation].filter(
    ({ id, offset }) => !chain.ids.has(id) && (isAnother || offset < at.start)
  )
}

/** Why a partition has to stop; undefined when it may not. */
export const reasonToStop = (chain: Chain, at: SimulatedPartition): string | undefined => {
  if (chain.plans.length === 0) return undefined
  if (at.incarnation !== chain.incarnation) return "the log was made anew"
  const [lost] = lostRecords(chain, at)
  return lost === undefined ? undefined : `offset ${lost.offset} is gone`
}

/** A writer says that a partition has stopped. `decoder`: of the writer's release. */
export interface Halt {
  readonly partition: number
  readonly message: string
  readonly decoder: number
  /** There was a reason to stop when the writer last looked for the chain's tail. */
  readonly wasDoubtful: boolean
}

export const atEachHalt = {
  /**
   * A partition stops only when the log really lost records that the lake needs or was made anew, or when its last
   * plan is of another release's decoder. True must be what a writer saw when it last read the tail: what another one
   * does between that and its word, it cannot know.
   */
  noFalseAlarm: ({ decoder, message, partition, wasDoubtful }: Halt, { lake, log }: Truth): Contradiction => {
    const chain = lake.chains[partition]
    if (wasDoubtful || reasonToStop(chain, log.partitions[partition]) !== undefined) return undefined
    if (message.includes("decoder version") && chain.plans.some((plan) => plan.decoder !== decoder))
      return undefined
    return `partition ${partition} stopped without a reason: ${message}`
  }
}

/** Memory of the records that a process has read and not yet brought into files, as the ingestor counts it. */
export interface Held {
  readonly process: string
  readonly bytes: number
  readonly bound: number
}

export const atEachRead = {
  /** What a writer holds in mailboxes and batches stays within its settings, whatever the backlog. */
  memoryIsBounded: ({ bound, bytes, process }: Held): Contradiction =>
    bytes > bound ? `${process} holds ${bytes} bytes, at most ${bound} are allowed` : undefined
}

/** What a run has come to. */
export interface End extends Truth {
  /** Whether the writers came to rest in the time that they may take once faults have ended. */
  readonly cameToRest: boolean
  /** Partitions that each writer alive at the end had given up, by its name. */
  readonly halted: ReadonlyMap<string, ReadonlySet<number>>
  /** Causes of writers that ended by a defect. */
  readonly defects: ReadonlyArray<string>
}

export const atTheEnd = {
  /** Once faults have ended all is in the lake, or has stopped for a reason, in bounded time. */
  progressOnceFaultsEnd: ({ cameToRest, lake, log }: End): Contradiction =>
    cameToRest
      ? undefined
      : `not at rest: ${lake.chains.map(({ end, partition, plans }) => `partition ${partition} has ${plans.length} plans to ${end} of ${log.partitions[partition].end}`).join(", ")}`,

  /** Every acknowledged record is in the lake or in dead letters exactly once, unless the log lost it. */
  everyRecordOnce: ({ lake, log }: End): Contradiction => {
    for (const chain of lake.chains) {
      const at = log.partitions[chain.partition]
      const stops = reasonToStop(chain, at) !== undefined
      const expected = at.acknowledged[chain.incarnation]
      const absent = expected.find(({ id }) => !chain.ids.has(id))
      if (!stops && absent !== undefined)
        return `offset ${absent.offset} of partition ${chain.partition} is missing`
      if (chain.ids.size !== chain.fileOf.size)
        return `partition ${chain.partition} has ${chain.ids.size} records at ${chain.fileOf.size} offsets`
    }
    return undefined
  },

  /** The last plan is closed, so that readers take it. */
  tailsAreClosed: ({ lake, log }: End): Contradiction => {
    const open = lake.chains.find(
      (chain) =>
        chain.plans.length > 0 &&
        !chain.isClosed(chain.plans.length - 1) &&
        reasonToStop(chain, log.partitions[chain.partition]) === undefined
    )
    return open === undefined
      ? undefined
      : `plan ${open.plans.length - 1} of partition ${open.partition} is open`
  },

  /** When the log lost what the lake needs, or was made anew, every writer has stopped that partition. */
  everyLossIsTold: ({ halted, lake, log }: End): Contradiction => {
    for (const chain of lake.chains) {
      const reason = reasonToStop(chain, log.partitions[chain.partition])
      if (reason === undefined) continue
      for (const [writer, partitions] of halted)
        if (!partitions.has(chain.partition))
          return `${reason}, but ${writer} goes on with partition ${chain.partition}`
    }
    return undefined
  },

  /** A writer reports what is wrong; it does not die of it. */
  noWriterDiesOfADefect: ({ defects }: End): Contradiction => defects[0]
}
