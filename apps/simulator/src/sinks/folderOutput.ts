import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import { join } from "node:path"
import type { EventSink } from "../EventSink.ts"
import { faultsHash, resolveFaultsFreely } from "../faults/resolveFaults.ts"
import { type ResolvedSimulation, resolveFreely, type SimulationSettings } from "../resolveSettings.ts"
import { linesNames, linesSink } from "./linesSink.ts"
import { openOutputFolder } from "./OutputFolder.ts"
import type { Output } from "./Output.ts"

/** The manifest of faults on purpose. */
const manifestName = "faults.parquet"

/** Runs a simulation into files of a folder, and goes on where an earlier run of the same settings stopped. */
export const intoFolder = <E, R>(
  options: {
    readonly output: Extract<Output, { readonly folder: string }>
    readonly overwrite: boolean
    readonly settings: SimulationSettings
    /** How fast the clock runs. */
    readonly speed: number
  },
  run: (sink: EventSink<UserError>, resolved: ResolvedSimulation) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    const { output } = options
    const parquet =
      output.kind === "parquet" ? yield* Effect.promise(() => import("./parquetSink.ts")) : undefined
    const folder = yield* openOutputFolder({
      path: output.folder,
      output: output.kind === "lines" ? linesKind(output) : output.kind,
      names: [...(output.kind === "lines" ? linesNames(output) : parquet!.parquetNames), manifestName],
      overwrite: options.overwrite
    })
    const resolved = yield* resolveFreely(options.settings, folder.frozen)
    const faults = yield* resolveFaultsFreely(options.settings, join(output.folder, manifestName))
    yield* folder.freeze({
      ...resolved.frozen,
      faults: faults === undefined ? "none" : faultsHash(faults.config)
    })
    const sink =
      output.kind === "lines"
        ? yield* linesSink(folder, {
            ...output,
            noteEveryMs: 1_000 * options.speed,
            memberEveryMs: 10_000 * options.speed
          })
        : yield* parquet!.parquetSink(folder)
    yield* run(sink, { ...resolved, faults })
  }).pipe(Effect.scoped)

type Lines = Extract<Output, { readonly kind: "lines" }>

/** What the folder is said to hold; files of other names or compression are another output. */
const linesKind = ({ compression, extension }: Lines): string =>
  [extension === "" ? "Eventsim" : "ndjson", ...(compression === "none" ? [] : [compression])].join(" ")
