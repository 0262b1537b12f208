import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { setting } from "@musify/runtime/setting.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Effect, Either, Schema } from "effect"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { readJournal, replayedRanges } from "../ReplayJournal.ts"
import { FaultsConfig, hasFaults } from "./FaultsConfig.ts"
import type { FaultSettings } from "./faultySink.ts"
import { parseFaults, readFaults } from "./readFaults.ts"

const share = (name: string, what: string) =>
  setting.optionalNumber(name, { min: 0, max: 1, description: `Faults on purpose: share of ${what}.` })

/** Options that ask for faults on purpose. */
export const faultOptions = {
  faults: setting.optionalText("faults", {
    description: "File (JSON) that says which faults to make on purpose; see docs/simulator/faults.md."
  }),
  duplicates: share("duplicates", "records that come twice"),
  late: share("late", "records that come late, an hour on average"),
  outOfOrder: share("out-of-order", "records that others overtake, by up to 30 s"),
  malformed: share("malformed", "malformed records"),
  missingFields: share("missing-fields", "records without one of their fields"),
  clockSkew: share("clock-skew", "devices whose clock is wrong, by up to an hour"),
  faultsSeed: setting.optionalInteger("faults-seed", { description: "Seed of the faults. Default: --seed." })
}

/** What the options say. */
export interface FaultsGiven {
  readonly faults?: string | undefined
  readonly duplicates?: number | undefined
  readonly late?: number | undefined
  readonly outOfOrder?: number | undefined
  readonly malformed?: number | undefined
  readonly missingFields?: number | undefined
  readonly clockSkew?: number | undefined
  readonly faultsSeed?: number | undefined
}

const isGiven = (given: FaultsGiven): boolean =>
  (Object.keys(faultOptions) as ReadonlyArray<keyof FaultsGiven>).some((name) => given[name] !== undefined)

const configOf = (given: FaultsGiven) =>
  readFaults(given.faults, {
    duplicates: given.duplicates,
    late: given.late,
    "out-of-order": given.outOfOrder,
    malformed: given.malformed,
    "missing-fields": given.missingFields,
    "clock-skew": given.clockSkew,
    seed: given.faultsSeed
  })

/** The faults for an output of files, or nowhere; `manifest` is where they are written down. */
export const resolveFaultsFreely = (
  given: FaultsGiven,
  manifest: string | undefined
): Effect.Effect<FaultSettings | undefined, UserError> =>
  Effect.map(configOf(given), (config) => (hasFaults(config) ? { config, manifest } : undefined))

const manifestFile = (root: string): string => path.join(root, "simulator", "faults.parquet")

const none = "none"
/** The manifest of a data folder's log, given its frozen setting "faults"; undefined when there is none to be made. */
export const manifestFor = (root: string, frozen: string | undefined): string | undefined =>
  frozen === undefined || frozen === none ? undefined : manifestFile(root)

const keptFile = (root: string, hash: string) => path.join(root, "simulator", `faults-${hash}.json`)
const encode = Schema.encodeSync(FaultsConfig)

/**
 * The faults of a data folder: what is given, else what the folder was made with. They are frozen in it, since the
 * records of the log are counted with them; a folder that was made without any stays so.
 */
export const resolveFaults = (
  given: FaultsGiven
): Effect.Effect<FaultSettings | undefined, UserError, DataFolder> =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const isNew = (yield* folder.frozen("seed")) === undefined
    const frozen = (yield* folder.frozen("faults")) ?? (isNew ? undefined : none)
    const config = isGiven(given) || frozen === undefined ? yield* configOf(given) : undefined
    const hash = config === undefined ? frozen! : hasFaults(config) ? faultsHash(config) : none
    if (frozen !== undefined && (yield* folder.frozen("faults")) === undefined)
      yield* folder.freeze("faults", frozen)
    if (config !== undefined && hash !== none && frozen === undefined) yield* keep(folder.root, hash, config)
    yield* folder.freeze("faults", hash)
    if (hash === none) return undefined
    return {
      config: config ?? (yield* kept(folder.root, hash)),
      manifest: manifestFile(folder.root),
      foreign: replayedRanges(yield* readJournal(folder.root))
    }
  })

/** What stands for faults in settings that must not change. */
export const faultsHash = (config: FaultsConfig): string =>
  createHash("sha256")
    .update(JSON.stringify(encode(config)))
    .digest("hex")
    .slice(0, 16)

const keep = (root: string, hash: string, config: FaultsConfig): Effect.Effect<void, UserError> => {
  const file = keptFile(root, hash)
  return Effect.try({
    try: () => {
      fs.mkdirSync(path.dirname(file), { recursive: true })
      replaceFile(file, `${JSON.stringify(encode(config), null, 1)}\n`)
    },
    catch: (cause) => fileError(`write ${file}`, cause)
  })
}

const kept = (root: string, hash: string): Effect.Effect<FaultsConfig, UserError> =>
  Effect.suspend(() => {
    const file = keptFile(root, hash)
    let config: FaultsConfig | undefined
    try {
      config = Either.getOrUndefined(parseFaults(fs.readFileSync(file, "utf8"), file))
    } catch {
      config = undefined
    }
    return config !== undefined && faultsHash(config) === hash
      ? Effect.succeed(config)
      : Effect.fail(
          new UserError({
            message: `${file}, the faults that this data folder was made with, is missing or was changed. Give them again by --faults.`,
            exitCode: 2
          })
        )
  })
