import { dayMs } from "@musify/domain/Hour.ts"
import { catalogVersion, readCatalog, writeCatalog } from "@musify/lake/catalog.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Option, Schema } from "effect"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { loadCatalog } from "./catalog/loadCatalog.ts"
import { EventsimConfig } from "./EventsimConfig.ts"
import { resolveFaults } from "./faults/resolveFaults.ts"
import { folderSimilarSongs } from "./keptSimilarSongs.ts"
import {
  byId,
  configHash,
  loadConfig,
  type ResolvedSimulation,
  resolveNumbers,
  shardText,
  type SimulationSettings
} from "./resolveSettings.ts"

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/**
 * Decides all settings of the simulation of a data folder: what is given counts, else what the folder was made with,
 * else the default. All of it is frozen in the folder, and the catalog is written to the lake. A setting that differs
 * from the frozen one fails (exit 2) and names it. `live`: the end may lie in the future.
 */
export const resolveSimulation = (settings: SimulationSettings, live = false) =>
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
      days: yield* number("days"),
      from: yield* number("from")
    }
    const { days, end, from, now, seed, start, users } = yield* resolveNumbers(settings, config, stored)
    if (!live && end !== undefined && end > now + dayMs / 2) {
      return yield* wrong(
        `The end (--end) is ${new Date(end).toISOString()}, in the future: the log takes events of the past only. Give --continuous to write them when their time comes, or --output ndjson:DIR.`
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
    yield* folder.freeze("shard", shardText(settings.shard))
    yield* folder.freeze("seed", String(seed))
    yield* folder.freeze("users", String(users))
    if (settings.start === undefined) yield* folder.freeze("days", String(days))
    if (from !== undefined) yield* folder.freeze("from", String(from))
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
      until: Math.max(start, Math.min(end ?? now, now)),
      end,
      shard: settings.shard,
      faults
    } satisfies ResolvedSimulation
  })

const configFile = (root: string, hash: string): string => join(root, "simulator", `config-${hash}.json`)

/** Keeps the config in the data folder: a later run needs no --config. */
const keepConfig = (root: string, config: EventsimConfig): Effect.Effect<void, UserError> =>
  Effect.try({
    try: () => {
      mkdirSync(join(root, "simulator"), { recursive: true })
      replaceFile(configFile(root, configHash(config)), JSON.stringify(config, null, 1))
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
