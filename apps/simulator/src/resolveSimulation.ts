import { dayMs } from "@musify/domain/Hour.ts"
import type { Song } from "@musify/domain/Song.ts"
import { catalogVersion, readCatalog, writeCatalog } from "@musify/lake/catalog.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Clock, Effect, Either, Option, Schema } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { RefusedRow } from "./catalog/LoadedCatalog.ts"
import { loadCatalog } from "./catalog/loadCatalog.ts"
import { defaultConfig } from "./defaultConfig.ts"
import { EventsimConfig } from "./EventsimConfig.ts"
import { folderSimilarSongs, givenSimilarSongs } from "./keptSimilarSongs.ts"
import { type FaultsGiven, resolveFaults } from "./faults/resolveFaults.ts"
import type { FaultSettings } from "./faults/faultySink.ts"
import { mostListeners } from "./Listeners.ts"
import type { SimilarSongs } from "./SimilarSongs.ts"
import { checkConfig, readConfig } from "./readConfig.ts"

/** What a person may say about a simulation; everything else comes from the data folder or is a default. */
export interface SimulationSettings extends FaultsGiven {
  /** Epoch ms. */
  readonly start?: number | undefined
  readonly end?: number | undefined
  /** Full UTC days before today with which the history begins, when there is no start (default 14). */
  readonly days?: number | undefined
  readonly users?: number | undefined
  readonly seed?: number | undefined
  /** File names. */
  readonly songs?: string | undefined
  readonly similarSongs?: string | undefined
  readonly config?: string | undefined
  readonly growthRate?: number | undefined
  readonly attritionRate?: number | undefined
  readonly tag?: string | undefined
  readonly firstUserId?: number | undefined
  /** Eventsim's own behaviour where ours differs on purpose. */
  readonly eventsimCompatible?: boolean | undefined
  /** Daily rhythm by each listener's own clock. */
  readonly localTime?: boolean | undefined
}

/** A simulation with every setting decided: the first part of `SimulateOptions`. */
export interface ResolvedSimulation {
  readonly config: EventsimConfig
  /** In order of the song id, so that a catalog read back from the lake gives the same events. */
  readonly songs: ReadonlyArray<Song>
  /** By the numbers of `songs`. */
  readonly similar: SimilarSongs | undefined
  readonly refusedSongs: ReadonlyArray<RefusedRow>
  readonly users: number
  readonly seed: number
  /** Epoch ms, a whole second. */
  readonly start: number
  /** Epoch ms: the history ends here, at the latest now. */
  readonly until: number
  /** Epoch ms, when one was given. */
  readonly end: number | undefined
  /** Faults on purpose (of a data folder). */
  readonly faults?: FaultSettings | undefined
}

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** Version of the simulator's output: another one would not go on with what an older one began. */
const eventsVersion = 2

const configHash = (config: EventsimConfig): string =>
  createHash("sha256")
    .update(JSON.stringify([eventsVersion, config]))
    .digest("hex")
    .slice(0, 16)

const byId = (a: Song, b: Song): number => (a.song_id < b.song_id ? -1 : a.song_id > b.song_id ? 1 : 0)

/** Options win over the config. In Eventsim the config wins where it has a growth rate, first id or number of users. */
const withOverrides = (config: EventsimConfig, settings: SimulationSettings): EventsimConfig => {
  const kept: Partial<EventsimConfig> = isCompatible(config, settings) ? config : {}
  return {
    ...config,
    ...(settings.growthRate === undefined ? {} : { "growth-rate": settings.growthRate }),
    ...(settings.attritionRate === undefined ? {} : { "attrition-rate": settings.attritionRate }),
    ...(settings.firstUserId === undefined ? {} : { "first-user-id": settings.firstUserId }),
    ...(settings.tag === undefined ? {} : { tag: settings.tag }),
    ...(settings.eventsimCompatible === true ? { "eventsim-compatible": true } : {}),
    ...(settings.localTime === true ? { "local-time": true } : {}),
    ...stripUndefined({
      "growth-rate": kept["growth-rate"],
      "first-user-id": kept["first-user-id"]
    })
  }
}

const isCompatible = (config: EventsimConfig, settings: SimulationSettings): boolean =>
  settings.eventsimCompatible === true || config["eventsim-compatible"] === true

/** The config of the settings, read, checked and with their overrides. */
export const loadConfig = (settings: SimulationSettings): Effect.Effect<EventsimConfig, UserError> =>
  (settings.config === undefined
    ? Effect.sync(() => Schema.decodeUnknownSync(EventsimConfig)(defaultConfig))
    : readConfig(settings.config)
  ).pipe(
    Effect.map((config) => withOverrides(config, settings)),
    Effect.flatMap((config) =>
      Either.match(checkConfig(config, settings.config ?? "the built-in config"), {
        onLeft: Effect.fail,
        onRight: Effect.succeed
      })
    )
  )

/** The numbers, from settings, else from what is frozen, else from the config, else defaults. */
const numbersOf = (
  settings: SimulationSettings,
  config: EventsimConfig,
  frozen: { readonly start?: number; readonly users?: number; readonly seed?: number; readonly days?: number }
) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const days = settings.days ?? frozen.days ?? 14
    const start =
      Math.floor(
        (settings.start ?? frozen.start ?? (Math.floor((settings.end ?? now) / dayMs) - days) * dayMs) / 1000
      ) * 1000
    const fixedUsers = isCompatible(config, settings) ? config["n-users"] : undefined
    const users = fixedUsers ?? settings.users ?? frozen.users ?? config["n-users"] ?? 10_000
    const seed = settings.seed ?? frozen.seed ?? config.seed ?? 1
    if (users < 1 || users > mostListeners) {
      return yield* wrong(`The number of listeners (--users) is ${users}, expected 1 to ${mostListeners}.`)
    }
    if (start < Date.UTC(2000, 0, 1)) {
      return yield* wrong(
        `The start (--start) is ${new Date(start).toISOString()}, expected 2000-01-01 or later: the pipeline takes earlier events for malformed.`
      )
    }
    if (settings.end !== undefined && settings.end <= start) {
      return yield* wrong(
        `The end (--end) is ${new Date(settings.end).toISOString()}, expected a time after the start, ${new Date(start).toISOString()}.`
      )
    }
    return { days, start, users, seed, now }
  })

/** Decides all settings without a data folder (output to files, or nowhere); `until` may lie in the future. */
export const resolveFreely = (settings: SimulationSettings): Effect.Effect<ResolvedSimulation, UserError> =>
  Effect.gen(function* () {
    const config = yield* loadConfig(settings)
    const { start, users, seed, now } = yield* numbersOf(settings, config, {})
    const { songs: loaded, refused } = yield* loadCatalog(settings.songs)
    const songs = [...loaded].sort(byId)
    return {
      config,
      songs,
      similar: yield* givenSimilarSongs(settings.similarSongs, songs),
      refusedSongs: refused,
      users,
      seed,
      start,
      until: settings.end ?? now,
      end: settings.end
    }
  })

/**
 * Decides all settings of the simulation of a data folder: what is given counts, else what the folder was made with,
 * else the default. All of it is frozen in the folder, and the catalog is written to the lake. A setting that differs
 * from the frozen one fails (exit 2) and names it.
 */
export const resolveSimulation = (settings: SimulationSettings) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const store = yield* ObjectStore
    const number = (name: string) =>
      Effect.map(folder.frozen(name), (text) => (text === undefined ? undefined : Number(text)))
    const time = (name: string) =>
      Effect.map(folder.frozen(name), (text) => (text === undefined ? undefined : Date.parse(text)))
    const changesConfig =
      settings.config !== undefined ||
      settings.growthRate !== undefined ||
      settings.attritionRate !== undefined ||
      settings.firstUserId !== undefined ||
      settings.tag !== undefined ||
      settings.eventsimCompatible === true ||
      settings.localTime === true

    const frozenConfig = yield* folder.frozen("config")
    const config =
      frozenConfig === undefined || changesConfig
        ? yield* loadConfig(settings)
        : yield* keptConfig(folder.root, frozenConfig)
    const stored = {
      start: yield* time("start"),
      users: yield* number("users"),
      seed: yield* number("seed"),
      days: yield* number("days")
    }
    const { days, start, users, seed, now } = yield* numbersOf(settings, config, stripUndefined(stored))
    if (settings.end !== undefined && settings.end > now + dayMs / 2) {
      return yield* wrong(
        `The end (--end) is ${new Date(settings.end).toISOString()}, in the future: the log takes events of the past only. Give --live to write them when their time comes, or --output ndjson:DIR.`
      )
    }

    const frozenSongs = yield* folder.frozen("songs")
    const kept =
      frozenSongs === undefined || settings.songs !== undefined
        ? Option.none()
        : yield* readCatalog(store, frozenSongs)
    const loaded = Option.isSome(kept)
      ? { songs: kept.value, refused: [] }
      : yield* loadCatalog(settings.songs)
    if (frozenSongs !== undefined && Option.isNone(kept)) {
      yield* folder.freeze("songs", catalogVersion(loaded.songs))
    }
    const songs = [...loaded.songs].sort(byId)
    const similar = yield* folderSimilarSongs(folder, {
      path: settings.similarSongs,
      songs,
      began: frozenConfig !== undefined
    })

    // The hash is frozen only when what it stands for is stored, so that a kill in between leaves nothing half-made.
    const faults = yield* resolveFaults(settings)
    yield* folder.freeze("seed", String(seed))
    yield* folder.freeze("users", String(users))
    if (settings.start === undefined) yield* folder.freeze("days", String(days))
    yield* folder.freeze("start", new Date(start).toISOString())
    yield* keepConfig(folder.root, config)
    yield* folder.freeze("config", configHash(config))
    const version = Option.isSome(kept) ? frozenSongs! : yield* writeCatalog(store, loaded.songs)
    yield* folder.freeze("songs", version)
    return {
      config,
      songs,
      similar,
      refusedSongs: loaded.refused,
      users,
      seed,
      start,
      until: Math.max(start, Math.min(settings.end ?? now, now)),
      end: settings.end,
      faults
    } satisfies ResolvedSimulation
  })

const stripUndefined = <A extends object>(value: A) =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as { [K in keyof A]?: number }

const configFile = (root: string, hash: string): string => join(root, "simulator", `config-${hash}.json`)

/** Keeps the config in the data folder: a later run needs no --config. */
const keepConfig = (root: string, config: EventsimConfig): Effect.Effect<void, UserError> =>
  Effect.try({
    try: () => {
      const file = configFile(root, configHash(config))
      mkdirSync(join(root, "simulator"), { recursive: true })
      writeFileSync(`${file}.part`, JSON.stringify(config, null, 1))
      renameSync(`${file}.part`, file)
    },
    catch: (cause) =>
      new UserError({
        message: `The config cannot be kept in ${root}: ${cause instanceof Error ? cause.message : String(cause)}.`,
        exitCode: 3
      })
  })

const keptConfig = (root: string, hash: string): Effect.Effect<EventsimConfig, UserError> =>
  Effect.gen(function* () {
    const file = configFile(root, hash)
    const config = yield* Effect.try({
      try: () => Schema.decodeUnknownSync(EventsimConfig)(JSON.parse(readFileSync(file, "utf8"))),
      catch: () =>
        wrong(
          `${file}, the config that this data folder was made with, is missing or damaged. Give it again by --config.`
        )
    })
    if (configHash(config) !== hash) {
      return yield* wrong(
        `${file} was changed: it is not the config that this data folder was made with. Give that one by --config.`
      )
    }
    return config
  })
