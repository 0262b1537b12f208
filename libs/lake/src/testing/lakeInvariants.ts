import type { LakeChange } from "./Lake.ts"

/** What contradicts an invariant, in words; undefined when nothing does. */
export type Contradiction = string | undefined

/**
 * What must hold of a bucket at any moment, whoever wrote to it: checked at each change, before it is taken into account,
 * so that each looks only at what changed.
 */
export const lakeInvariants = {
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

  /** A file holds as many rows as its plan says, and none that is not of the plan's range. */
  filesHoldThePlannedRows: (change: LakeChange): Contradiction => {
    if (change.kind !== "file") return undefined
    const { chain, name, rows } = change
    const planned = chain.planned.get(name)
    if (planned === undefined) return undefined
    if (rows.length !== planned.rows) return `${name} has ${rows.length} rows, its plan says ${planned.rows}`
    const { end, start } = planned.plan
    const other = rows.find(({ offset }) => offset < start || offset >= end)
    return other === undefined
      ? undefined
      : `${name} holds offset ${other.offset}, its plan is of ${start} to ${end}`
  },

  /** An open plan is executed by a release whose decoder made it, or left alone: rows of two decoders do not mix. */
  filesAreOfThePlansDecoder: (change: LakeChange): Contradiction => {
    if (change.kind !== "file") return undefined
    const plan = change.chain.planned.get(change.name)?.plan
    return plan === undefined || change.decoder === undefined || plan.decoder === change.decoder
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
} satisfies Record<string, (change: LakeChange) => Contradiction>
