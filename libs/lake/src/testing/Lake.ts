import { Buffer } from "node:buffer"
import type { Plan } from "../Plan.ts"
import { storedRows, type StoredRow } from "./storedRows.ts"

/** What a step changed in the bucket. */
export type StoreChange =
  | {
      readonly kind: "created"
      readonly name: string
      readonly bytes: Uint8Array
      /** Version of the decoder of whoever put it; undefined: not known. */
      readonly decoder: number | undefined
    }
  | { readonly kind: "overwritten" | "removed"; readonly name: string }

/** A change as the lake's readers understand it. `chain`: the partition's, as it was before. */
export type LakeChange =
  | { readonly kind: "plan"; readonly name: string; readonly chain: Chain; readonly plan: Plan }
  | { readonly kind: "seal"; readonly name: string; readonly chain: Chain; readonly seq: number }
  | {
      readonly kind: "file"
      readonly name: string
      readonly chain: Chain
      readonly rows: ReadonlyArray<StoredRow>
      readonly decoder: number | undefined
    }
  | { readonly kind: "broken"; readonly name: string; readonly why: string }
  | { readonly kind: "overwritten" | "removed"; readonly name: string }

export interface PlannedRows {
  readonly plan: Plan
  readonly rows: number
}

/** The chain and the files of one partition. */
export class Chain {
  readonly partition: number
  readonly plans: Array<Plan> = []
  readonly sealed: Set<number> = new Set()
  readonly planned: Map<string, PlannedRows> = new Map()
  /** Files that are there, by name. */
  readonly files: Map<string, ReadonlyArray<StoredRow>> = new Map()
  /** The file in which an offset is. */
  readonly fileOf: Map<number, string> = new Map()
  /** Ids of the records that are in files. */
  readonly ids: Set<number> = new Set()
  /** How often the log had been made anew when the chain began. */
  incarnation = 0

  constructor(partition: number) {
    this.partition = partition
  }

  get tail(): Plan | undefined {
    return this.plans[this.plans.length - 1]
  }

  /** Offset after the last planned record. */
  get end(): number {
    return this.tail?.end ?? 0
  }

  /** Whether readers may take the files of plan `seq`. */
  isClosed(seq: number): boolean {
    return seq < this.plans.length - 1 || this.sealed.has(seq)
  }

  /** Offset up to which everything is in files. */
  get stored(): number {
    return this.missingOfTail.length === 0 ? this.end : this.tail!.start
  }

  get missingOfTail(): ReadonlyArray<string> {
    return this.tail === undefined ? [] : this.missing(this.tail)
  }

  /** Planned files of `plan` that are not there. */
  missing(plan: Plan): ReadonlyArray<string> {
    return [...plan.files, ...plan.deadLetters]
      .map(({ path }) => path)
      .filter((path) => !this.files.has(path))
  }
}

/** The bucket as its readers see it, followed change by change: nothing is read twice. */
export class Lake {
  readonly chains: ReadonlyArray<Chain>

  constructor(partitions: number) {
    this.chains = Array.from({ length: partitions }, (_, partition) => new Chain(partition))
  }

  get plans(): number {
    return this.chains.reduce((sum, { plans }) => sum + plans.length, 0)
  }

  /** What a change means; nothing is taken into account yet. */
  understand(change: StoreChange): LakeChange {
    const { name } = change
    if (change.kind !== "created") return { kind: change.kind, name }
    try {
      const parts = name.split("/")
      if (parts[0] === "log") {
        const chain = this.chainOf(Number(parts[2]))
        const content: unknown = JSON.parse(Buffer.from(change.bytes).toString("utf8"))
        return name.endsWith(".plan.json")
          ? { kind: "plan", name, chain, plan: content as Plan }
          : { kind: "seal", name, chain, seq: (content as { readonly seq: number }).seq }
      }
      const chain = this.chainOf(Number(parts[parts.length - 1].split("-")[0]))
      const rows = storedRows(change.bytes, parts[0] === "dead-letters")
      return { kind: "file", name, chain, rows, decoder: change.decoder }
    } catch (cause) {
      return { kind: "broken", name, why: (cause as Error).message }
    }
  }

  private chainOf(partition: number): Chain {
    const chain = this.chains[partition]
    if (chain === undefined) throw new Error(`there is no partition ${partition}`)
    return chain
  }

  apply(change: LakeChange): void {
    if (change.kind === "plan") {
      const { chain, plan } = change
      chain.plans.push(plan)
      for (const { path, rows } of [...plan.files, ...plan.deadLetters])
        chain.planned.set(path, { plan, rows })
    } else if (change.kind === "seal") change.chain.sealed.add(change.seq)
    else if (change.kind === "file") {
      change.chain.files.set(change.name, change.rows)
      for (const { id, offset } of change.rows) {
        change.chain.fileOf.set(offset, change.name)
        change.chain.ids.add(id)
      }
    }
  }
}
