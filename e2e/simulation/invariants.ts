import { hourPath } from "@musify/domain/Hour.ts"
import type { Chain, Lake, LakeChange } from "@musify/lake/testing/Lake.ts"
import { type Contradiction, lakeInvariants } from "@musify/lake/testing/lakeInvariants.ts"
import type { SimulatedLog, SimulatedPartition, SimulatedRecord } from "./SimulatedLog.ts"

/** What is true, whatever the writers believe. */
export interface Truth {
  readonly log: SimulatedLog
  readonly lake: Lake
}

/** Checked at each change of the bucket, before it is taken into account: those of any lake, and those that the log tells. */
export const atEachChange = {
  ...lakeInvariants,

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

  /** Each row of a file is the record that the log has at its offset, in the folder of its hour. */
  filesHoldTheirRecords: (change: LakeChange, { log }: Truth): Contradiction => {
    if (change.kind !== "file") return undefined
    const { chain, name, rows } = change
    for (const { id, offset } of rows) {
      const record: SimulatedRecord | undefined = log.byId[id]
      if (record?.offset !== offset || record.incarnation !== chain.incarnation)
        return `${name} holds record ${id} at offset ${offset}, where the log had another one`
      if (name.startsWith("lake/") && (record.hour === undefined || !name.includes(hourPath(record.hour))))
        return `${name} holds record ${id}, which belongs to hour ${record.hour}`
    }
    return undefined
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
  /** Partitions of which a writer has told a loss. */
  readonly told: ReadonlySet<number>
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
  everyLossIsTold: ({ halted, lake, log, told }: End): Contradiction => {
    for (const chain of lake.chains) {
      const reason = reasonToStop(chain, log.partitions[chain.partition])
      if (reason === undefined) continue
      if (!told.has(chain.partition)) return `${reason}, and nobody has said so`
      for (const [writer, partitions] of halted)
        if (!partitions.has(chain.partition))
          return `${reason}, but ${writer} goes on with partition ${chain.partition}`
    }
    return undefined
  },

  /** A writer reports what is wrong; it does not die of it. */
  noWriterDiesOfADefect: ({ defects }: End): Contradiction => defects[0]
}
