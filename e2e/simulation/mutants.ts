import type { Replacement } from "./bundleModule.ts"
import type { Strike } from "./faults.ts"
import type { Step } from "./steps.ts"

/** The protocol with one guard removed. */
export interface Mutant {
  readonly name: string
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
    edits: [
      {
        module: supervise,
        find: "return Effect.as(metrics.lostRace, false)",
        replace: 'return halt("race", "another writer was first", "RaceLost")'
      }
    ]
  },
  {
    name: "missing records passed over",
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
    aim: ["put file", "slow answer"],
    edits: [
      {
        module: "apps/ingestor/src/GatherBudget.ts",
        find: "if (isAlone || held + ask.bytes <= this.capacity)",
        replace: "if (isAlone || held + ask.bytes <= 1e9)"
      }
    ]
  }
]
