import { dayMs } from "@musify/domain/Hour.ts"
import type { Song } from "@musify/domain/Song.ts"
import type { Moment } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Clock, Effect, Either, Schema } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { RefusedRow } from "./catalog/LoadedCatalog.ts"
import { loadCatalog } from "./catalog/loadCatalog.ts"
import { defaultConfig } from "./defaultConfig.ts"
import { EventsimConfig } from "./EventsimConfig.ts"
import type { FaultSettings } from "./faults/faultySink.ts"
import type { FaultsGiven } from "./faults/resolveFaults.ts"
import { givenSimilarSongs } from "./keptSimilarSongs.ts"
import { mostListeners } from "./Listeners.ts"
import type { SimilarSongs } from "./SimilarSongs.ts"
import { checkConfig, readConfig } from "./readConfig.ts"
import { type Part, partText } from "./workers/Slice.ts"

/** What a person may say about a simulation; everything else comes from the data folder or is a default. */
export interface SimulationSettings extends FaultsGiven {
  readonly start?: Moment | undefined
  readonly end?: Moment | undefined
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
  /** Which part of the listeners, of how many. */
  readonly shard?: Part | undefined
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
  /** Only these listeners. */
  readonly shard?: Part | undefined
  /** Faults on purpose. */
  readonly faults?: FaultSettings | undefined
}

/** What stands for a shard in settings that must not change. */
export const shardText = (shard: Part | undefined): string => (shard === undefined ? "none" : partText(shard))

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** Version of the simulator's output: another one would not go on with what an older one began. */
const eventsVersion = 2

/** What stands for a config in settings that must not change. */
export const configHash = (config: EventsimConfig): string =>
  createHash("sha256")
    .update(JSON.stringify([eventsVersion, config]))
    .digest("hex")
    .slice(0, 16)

/** The order of songs in a simulation. */
export const byId = (a: Song, b: Song): number => (a.song_id < b.song_id ? -1 : a.song_id > b.song_id ? 1 : 0)

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

const fileHash = (path: string): string =>
  createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16)

const songsHash = (songs: ReadonlyArray<Song>): string => {
  const hash = createHash("sha256")
  for (const song of songs) hash.update(JSON.stringify(song))
  return hash.digest("hex").slice(0, 16)
}

/** The config that is given, or the built-in one, with the options that change it; checked. */
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

/** What an output was begun with. `days` or `from` (ms back from the first run) is how its start was said. */
export interface BegunWith {
  readonly start?: number | undefined
  readonly users?: number | undefined
  readonly seed?: number | undefined
  readonly days?: number | undefined
  readonly from?: number | undefined
}

/** The numbers, from settings, else from what the output was begun with, else from the config, else defaults. */
export const resolveNumbers = (settings: SimulationSettings, config: EventsimConfig, begun: BegunWith) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const end = settings.end === undefined ? undefined : momentAt(settings.end, now)
    const from = settings.start?.kind === "back" ? settings.start.ms : begun.from
    if (settings.start?.kind === "back" && begun.start !== undefined && from !== begun.from) {
      return yield* wrong(
        `The history began at ${new Date(begun.start).toISOString()}, which was said otherwise than by this --start: leave it out to go on, or choose another folder.`
      )
    }
    const days = settings.days ?? begun.days ?? 14
    const said = settings.start?.kind === "at" ? settings.start.ms : begun.start
    const begin = from === undefined ? (Math.floor((end ?? now) / dayMs) - days) * dayMs : now - from
    const start = Math.floor((said ?? begin) / 1000) * 1000
    const fixedUsers = isCompatible(config, settings) ? config["n-users"] : undefined
    const users = fixedUsers ?? settings.users ?? begun.users ?? config["n-users"] ?? 10_000
    const seed = settings.seed ?? begun.seed ?? config.seed ?? 1
    if (users < 1 || users > mostListeners) {
      return yield* wrong(`The number of listeners (--users) is ${users}, expected 1 to ${mostListeners}.`)
    }
    if (start < Date.UTC(2000, 0, 1)) {
      return yield* wrong(
        `The start (--start) is ${new Date(start).toISOString()}, expected 2000-01-01 or later: the pipeline takes earlier events for malformed.`
      )
    }
    if (end !== undefined && end <= start) {
      return yield* wrong(
        `The end (--end) is ${new Date(end).toISOString()}, expected a time after the start, ${new Date(start).toISOString()}.`
      )
    }
    return { days, from, start, end, users, seed, now }
  })

const momentAt = (moment: Moment, now: number): number =>
  moment.kind === "at" ? moment.ms : Math.floor((now - moment.ms) / 1000) * 1000

/** A simulation whose settings were decided without a data folder, and those that must not change when it goes on. */
export interface FreelyResolved extends ResolvedSimulation {
  readonly frozen: Readonly<Record<string, string>>
}

/**
 * Decides all settings of an output that is no data folder: what is given counts, else what the output was begun with
 * (`frozen` of then), else the default. `until` may lie in the future.
 */
export const resolveFreely = (
  settings: SimulationSettings,
  begun: Readonly<Record<string, string>> = {}
): Effect.Effect<FreelyResolved, UserError> =>
  Effect.gen(function* () {
    const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))
    const config = yield* loadConfig(settings)
    const { days, end, from, now, seed, start, users } = yield* resolveNumbers(settings, config, {
      start: begun.start === undefined ? undefined : Date.parse(begun.start),
      users: number(begun.users),
      seed: number(begun.seed),
      days: number(begun.days),
      from: number(begun.from)
    })
    const { songs: loaded, refused } = yield* loadCatalog(settings.songs)
    const songs = [...loaded].sort(byId)
    const isByDays =
      settings.days !== undefined || (settings.start === undefined && begun.start === undefined)
    return {
      config,
      songs,
      similar: yield* givenSimilarSongs(settings.similarSongs, songs),
      refusedSongs: refused,
      users,
      seed,
      start,
      until: end ?? now,
      end,
      shard: settings.shard,
      frozen: {
        start: new Date(start).toISOString(),
        ...(isByDays ? { days: String(days) } : begun.days === undefined ? {} : { days: begun.days }),
        ...(from === undefined ? {} : { from: String(from) }),
        users: String(users),
        seed: String(seed),
        config: configHash(config),
        songs: settings.songs === undefined ? "built-in" : songsHash(songs),
        "similar-songs": settings.similarSongs === undefined ? "none" : fileHash(settings.similarSongs),
        shard: shardText(settings.shard)
      }
    }
  })

/** The object without its keys of value undefined. */
export const stripUndefined = <A extends object>(value: A) =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as { [K in keyof A]?: number }
