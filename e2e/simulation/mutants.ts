import type { Replacement } from "./bundleModule.ts"

/** The protocol with one guard removed. */
export interface Mutant extends Replacement {
  readonly name: string
}

const chain = "libs/lake/src/Chain.ts"
const openChain = "apps/ingestor/src/openChain.ts"
const committer = "apps/ingestor/src/Committer.ts"

/** Each guard of the protocol, removed. The simulation must find a violation for each of them. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "plan put whatever is there",
    module: chain,
    find: "const answer = yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))",
    replace: `yield* store.remove(planName(topic, partition, seq))
    const answer = yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))`
  },
  {
    name: "plan that is there taken for one's own",
    module: chain,
    find: "if (Option.isNone(found) || !samePlan(found.value, plan))",
    replace: "if (Option.isNone(found))"
  },
  {
    name: "plan compared by its start alone",
    module: chain,
    find: "!samePlan(found.value, plan)",
    replace: "found.value.start !== plan.start"
  },
  {
    name: "open tail skipped",
    module: openChain,
    find: "const missing = sealed ? [] : yield* missingFiles(store, plan)",
    replace: "const missing: ReadonlyArray<{ path: string; rows: number; hash: string }> = []"
  },
  {
    name: "open tail cut anew",
    module: openChain,
    find: "if (count < batch.count || batch.count === 0) break",
    replace: "if (count < batch.count || batch.count === 0 || builder.next > plan.start) break"
  },
  {
    name: "open tail's files under names of one's own",
    module: chain,
    find: "putFile(store, plan, { ...made.get(file.path)!, ...file })",
    replace:
      'putFile(store, plan, { ...made.get(file.path)!, ...file, path: file.path.replace(".parquet", "-again.parquet") })'
  },
  {
    name: "open tail's rows not compared",
    module: chain,
    find: "if (found?.rows === file.rows && found.hash === file.hash) continue",
    replace: "if (found !== undefined) continue"
  },
  {
    name: "files before their plan",
    module: committer,
    find: `yield* putPlan(store, plan)
        yield* putFiles(store, message.batch)`,
    replace: `yield* putFiles(store, message.batch)
        yield* putPlan(store, plan)`
  },
  {
    name: "seal before files",
    module: committer,
    find: "yield* putFiles(store, message.batch)",
    replace: `yield* putSeal(store, plan)
        yield* putFiles(store, message.batch)`
  },
  {
    name: "next plan before files",
    module: committer,
    find: `yield* putFiles(store, message.batch)`,
    replace: `yield* Effect.forkDaemon(putFiles(store, message.batch))`
  },
  {
    name: "position from the group's offset",
    module: openChain,
    find: "offset: plan.end,",
    replace: 'offset: (yield* log.committed("musify-ingestor", topic, partition)) ?? plan.end,'
  },
  {
    name: "puts that are not atomic",
    module: "e2e/simulation/SimulatedStore.ts",
    find: "    this.write(name, bytes)\n",
    replace: `    this.write(name, bytes.subarray(0, bytes.length >> 1))
    this.timeline.after(5, () => this.objects.set(name, { bytes, listedFrom: 0 }))
`
  },
  {
    name: "lost race taken for a failure",
    module: "apps/ingestor/src/ingest.ts",
    find: `        RaceLost: () => {
          counters.racesLost++
          return Effect.succeed(false)
        },`,
    replace: `        RaceLost: ({ message }) => halt("race", message),`
  },
  {
    name: "missing records passed over",
    module: openChain,
    find: "if (range.start > plan.end)",
    replace:
      "if (range.start > plan.end) return { nextSeq: plan.seq + 1, offset: range.start, unsealed: sealed ? undefined : plan, tookOver: false }\n    if (range.start > plan.end)"
  },
  {
    name: "log's own reset of the position",
    module: "apps/ingestor/src/Reader.ts",
    find: "log.read(topic, partition, subscription.position, options.readBytes)",
    replace: `Effect.catchTag(
            log.read(topic, partition, subscription.position, options.readBytes),
            "OffsetOutOfRange",
            ({ start }) => log.read(topic, partition, start, options.readBytes)
          )`
  },
  {
    name: "last record not compared",
    module: openChain,
    find: "witnessOf(batch, 0) !== plan.witness",
    replace: "witnessOf(batch, 0) === undefined"
  },
  {
    name: "log that ends too early not noticed",
    module: openChain,
    find: "if (range.end < end) return recreated(`the log ends at ${range.end}`)",
    replace: "if (range.end < end) return Effect.void"
  },
  {
    name: "tail of another decoder completed",
    module: openChain,
    find: "yield* checkDecoder(store, plan)",
    replace: ""
  },
  {
    name: "loss told of an old tail",
    module: openChain,
    find: "sameTail(tail, now)",
    replace: "now.plan !== undefined"
  },
  {
    name: "mailbox without bound",
    module: "apps/ingestor/src/Reader.ts",
    find: "else if (size.value >= mailboxReads) waiting = true",
    replace: "else if (size.value >= 1_000_000) waiting = true"
  }
]
