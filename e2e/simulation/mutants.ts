import type { Replacement } from "./bundleModule.ts"
import type { Strike } from "./faults.ts"
import type { Step } from "./steps.ts"

/** What the protocol does so that each record is in the lake once, and the ingestor so that it stays alive. */
export const guards = [
  "a plan is put only where none is",
  "a plan that is there is compared whole",
  "an open tail is executed before the next plan",
  "an open tail is executed with its own file list",
  "file names come from the plan",
  "files come after their plan",
  "a plan is closed after its files",
  "the position comes from the chain",
  "puts are atomic",
  "a lost race is no error",
  "missing records are refused",
  "the last record is compared",
  "a plan is executed by the decoder that made it",
  "a loss is told of the tail that is there now",
  "memory is bounded"
] as const
export type Guard = (typeof guards)[number]

/** The protocol with one guard removed. */
export interface Mutant {
  readonly name: string
  readonly guard: Guard
  readonly edits: ReadonlyArray<Replacement>
  /** Where the guard is needed: only seeds that are aimed there are tried. Without it any seed may do. */
  readonly aim?: readonly [Step, Strike]
}

const chain = "libs/lake/src/Chain.ts"
const openChain = "apps/ingestor/src/openChain.ts"
const supervise = "apps/ingestor/src/supervisePartition.ts"
const committer = "apps/ingestor/src/Committer.ts"

/** Each guard of the protocol, removed. The simulation must find a violation for each of them. */
export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "plan put whatever is there",
    guard: "a plan is put only where none is",
    edits: [
      {
        module: chain,
        find: "const answer = yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))",
        replace: `yield* store.remove(planName(topic, partition, seq))
        const answer = yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))`
      }
    ]
  },
  {
    name: "plan that is there taken for one's own",
    guard: "a plan that is there is compared whole",
    edits: [
      {
        module: chain,
        find: "if (Option.isNone(found) || !samePlan(found.value, plan))",
        replace: "if (Option.isNone(found))"
      }
    ]
  },
  {
    name: "plan compared by its start alone",
    guard: "a plan that is there is compared whole",
    edits: [
      {
        module: chain,
        find: "!samePlan(found.value, plan)",
        replace: "found.value.start !== plan.start"
      }
    ]
  },
  {
    name: "open tail skipped",
    guard: "an open tail is executed before the next plan",
    edits: [
      {
        module: openChain,
        find: "missing: isOpen ? yield* missingFiles(store, tail.plan) : []",
        replace: "missing: []"
      }
    ]
  },
  {
    name: "open tail cut anew",
    guard: "an open tail is executed with its own file list",
    edits: [
      {
        module: openChain,
        find: "if (count < batch.count || batch.count === 0) break",
        replace: "break"
      }
    ]
  },
  {
    name: "open tail's files under names of one's own",
    guard: "file names come from the plan",
    edits: [
      {
        module: chain,
        find: "putFile(store, plan, { ...made.get(file.path)!, ...file })",
        replace:
          'putFile(store, plan, { ...made.get(file.path)!, ...file, path: file.path.replace(".parquet", "-again.parquet") })'
      }
    ]
  },
  {
    name: "what is left of lost records written",
    guard: "missing records are refused",
    aim: ["put file", "retention"],
    edits: [
      {
        module: chain,
        find: "if (found?.rows === file.rows && found.hash === file.hash) continue",
        replace: "if (found !== undefined || again.files.length > 0) continue"
      },
      {
        module: chain,
        find: "{ ...made.get(file.path)!, ...file }",
        replace: "{ ...(made.get(file.path) ?? again.files[0]), ...file }"
      }
    ]
  },
  {
    name: "files before their plan",
    guard: "files come after their plan",
    edits: [
      {
        module: committer,
        find: "yield* putPlan(store, batch.plan)\n        yield* putFiles(store, batch, slots)",
        replace: `yield* putFiles(store, batch, slots)
            yield* putPlan(store, batch.plan)`
      }
    ]
  },
  {
    name: "seal before files",
    guard: "a plan is closed after its files",
    edits: [
      {
        module: committer,
        find: "yield* putFiles(store, batch, slots)",
        replace: `yield* putSeal(store, batch.plan)
            yield* putFiles(store, batch, slots)`
      }
    ]
  },
  {
    name: "next plan before files",
    guard: "a plan is closed after its files",
    edits: [
      {
        module: committer,
        find: "yield* putFiles(store, batch, slots)",
        replace: "yield* Effect.forkDaemon(putFiles(store, batch, slots))"
      }
    ]
  },
  {
    name: "position from the group's offset",
    guard: "the position comes from the chain",
    edits: [
      {
        module: supervise,
        find: "const position = yield* openChain(source, topic, partition, knownSeq)",
        replace: `const opened = yield* openChain(source, topic, partition, knownSeq)
            const committed = yield* log.committed(options.group, topic, partition)
            const position = { ...opened, offset: committed ?? opened.offset }`
      }
    ]
  },
  {
    name: "puts that are not atomic",
    guard: "puts are atomic",
    edits: [
      {
        module: "e2e/simulation/SimulatedStore.ts",
        find: "this.write(name, bytes, metadata, decoder)",
        replace: `this.write(name, bytes.subarray(0, bytes.length >> 1), metadata, decoder)
        this.timeline.after(5, () => this.objects.set(name, { bytes, metadata, listedFrom: 0 }))`
      }
    ]
  },
  {
    name: "lost race taken for a failure",
    guard: "a lost race is no error",
    edits: [
      {
        module: supervise,
        find: "return Effect.as(Effect.zipRight(metrics.lostRace, told), false)",
        replace: 'return halt("race", "another writer was first", "RaceLost")'
      }
    ]
  },
  {
    name: "missing records passed over",
    guard: "missing records are refused",
    aim: ["read log", "retention"],
    edits: [
      {
        module: openChain,
        find: "if (range.start > plan.end)",
        replace:
          "if (range.start > plan.end) return { nextSeq: plan.seq + 1, offset: range.start, unsealed: sealed ? undefined : plan, tookOver: false }\n    if (range.start > plan.end)"
      }
    ]
  },
  {
    name: "log's own reset of the position",
    guard: "missing records are refused",
    aim: ["read log", "retention"],
    edits: [
      {
        module: "apps/ingestor/src/Reader.ts",
        find: "yield* read(topic, partition, from, options.readBytes)",
        replace: `yield* Effect.catchTag(
            read(topic, partition, from, options.readBytes),
            "OffsetOutOfRange",
            ({ start }) => read(topic, partition, start, options.readBytes)
          )`
      }
    ]
  },
  {
    name: "last record not compared",
    guard: "the last record is compared",
    aim: ["read log", "recreated longer"],
    edits: [
      {
        module: openChain,
        find: "witnessOf(batch, index) !== plan.witness",
        replace: "witnessOf(batch, index) === undefined"
      }
    ]
  },
  {
    name: "log that ends too early not noticed",
    guard: "the last record is compared",
    aim: ["read log", "recreated shorter"],
    edits: [
      {
        module: openChain,
        find: "if (range.end < plan.end)",
        replace: "if (range.end < 0)"
      }
    ]
  },
  {
    name: "tail of another decoder completed",
    guard: "a plan is executed by the decoder that made it",
    aim: ["put file", "other release"],
    edits: [
      {
        module: openChain,
        find: "yield* checkDecoder(store, plan)",
        replace: ""
      }
    ]
  },
  {
    name: "loss told of an old tail",
    guard: "a loss is told of the tail that is there now",
    aim: ["log range", "retention"],
    edits: [
      {
        module: openChain,
        find: "sameTail(tail, now) ?",
        replace: "now.plan !== undefined ?"
      }
    ]
  },
  {
    name: "loss told of a tail that was completed meanwhile",
    guard: "a loss is told of the tail that is there now",
    aim: ["put file", "retention"],
    edits: [
      {
        module: openChain,
        find: " && a.missing.length === b.missing.length",
        replace: ""
      }
    ]
  },
  {
    name: "memory without bound",
    guard: "memory is bounded",
    aim: ["put file", "slow answer"],
    edits: [
      {
        module: "apps/ingestor/src/GatherBudget.ts",
        find: "const isAlone = held === (first.onPress === undefined ? first.held : 0)",
        replace: "const isAlone = held >= 0"
      }
    ]
  }
]
