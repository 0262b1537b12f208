import { type Topic, topics } from "@musify/domain/Topic.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { acquireRole } from "@musify/runtime/roleLock.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Effect, Schema, type Scope } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import { producerRole } from "../EventSink.ts"

/** Where a folder of simulated events keeps what it needs to go on. */
export const stateFolder = ".musify-simulation"

/** Settings that must not change while a simulation goes on, as texts by name. */
export type FrozenSettings = Readonly<Record<string, string>>

const Journal = Schema.parseJson(
  Schema.Struct({
    format: Schema.Literal(1),
    /** What kind of files these are: "ndjson", "ndjson gzip", … */
    output: Schema.String,
    settings: Schema.Record({ key: Schema.String, value: Schema.String }),
    /** Events that the files hold for good, by topic. */
    records: Schema.Struct({
      listen_events: Schema.Int,
      page_view_events: Schema.Int,
      auth_events: Schema.Int,
      status_change_events: Schema.Int
    }),
    /** Bytes of the files that grow, by name, which hold these events. */
    bytes: Schema.Record({ key: Schema.String, value: Schema.Int })
  })
)
type Journal = typeof Journal.Type

/** What lasts of an output: events by topic, and the bytes of growing files that hold them. */
export interface Durable {
  readonly records: Readonly<Record<Topic, number>>
  readonly bytes: Readonly<Record<string, number>>
}

/** A folder of simulated events that is ours alone until the scope closes. */
export interface OutputFolder {
  readonly path: string
  /** What the folder was made with; undefined for a new one. */
  readonly frozen: FrozenSettings | undefined
  readonly durable: Durable
  /** Fixes the settings of a new folder; fails (exit 2) when those of an older one differ, and names the first. */
  readonly freeze: (settings: FrozenSettings) => Effect.Effect<void, UserError>
  /** Notes what lasts; the files themselves are synced before. Throws what the file system says. */
  readonly note: (durable: Durable) => void
}

export interface OutputFolderOptions {
  readonly path: string
  /** The kind of files; another kind in the same folder is refused. */
  readonly output: string
  /** Names in the folder that the output makes, files or folders. */
  readonly names: ReadonlyArray<string>
  /** Removes an older output of these names. */
  readonly overwrite: boolean
}

const wrong = (message: string) => new UserError({ message, exitCode: 2 })
const nothing: Durable = {
  records: Object.fromEntries(topics.map((topic) => [topic, 0])) as Record<Topic, number>,
  bytes: {}
}
const elsewhere = "choose another folder, or --overwrite to begin anew"

const attempt = <A>(doing: string, evaluate: () => A): Effect.Effect<A, UserError> =>
  Effect.try({
    try: evaluate,
    catch: (cause) => (cause instanceof UserError ? cause : fileError(doing, cause))
  })

/**
 * Opens a folder for simulated events, making it when there is none. One that was begun before is gone on with; files
 * of the same names that no simulation made are refused (exit 2), as is what `overwrite` was not said for.
 */
export const openOutputFolder = (
  options: OutputFolderOptions
): Effect.Effect<OutputFolder, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const { path } = options
    const state = join(path, stateFolder)
    const file = join(state, "journal.json")
    const isThere = (name: string) => fs.existsSync(join(path, name))
    yield* attempt(`write to ${path}`, () => {
      const there = options.names.find(isThere)
      if (there !== undefined && !options.overwrite && !fs.existsSync(file)) {
        throw wrong(
          `${join(path, there)} is there already, and no simulation that could go on made it: ${elsewhere}.`
        )
      }
      fs.mkdirSync(state, { recursive: true })
    })
    yield* Effect.mapError(acquireRole(state, producerRole), (error) =>
      error.exitCode === 2
        ? wrong(`Another simulation writes to ${path}: stop that one, or choose another folder.`)
        : error
    )
    if (options.overwrite) {
      yield* attempt(`empty ${path}`, () => {
        for (const name of options.names) fs.rmSync(join(path, name), { recursive: true, force: true })
        fs.rmSync(file, { force: true })
      })
    }
    const older = yield* attempt(`read ${file}`, () => readJournal(file))
    if (older !== undefined && older.output !== options.output) {
      return yield* wrong(
        `${path} holds a simulation's ${older.output} files, ${options.output} was asked for: ${elsewhere}.`
      )
    }
    let settings: FrozenSettings = older?.settings ?? {}
    const note = ({ bytes, records }: Durable) =>
      replaceFile(
        file,
        `${Schema.encodeSync(Journal)({ format: 1, output: options.output, settings, records, bytes })}\n`
      )
    return {
      path,
      frozen: older?.settings,
      durable: older ?? nothing,
      freeze: (wanted) =>
        attempt(`write ${file}`, () => {
          if (older === undefined) {
            settings = wanted
            note(nothing)
            return
          }
          for (const name of new Set([...Object.keys(older.settings), ...Object.keys(wanted)])) {
            const [was, is] = [older.settings[name] ?? "none", wanted[name] ?? "none"]
            if (was !== is) {
              throw wrong(
                `${path} was begun with ${name} ${was}, now it is ${is}: give the same settings again to go on, ${elsewhere}.`
              )
            }
          }
        }),
      note
    }
  })

const readJournal = (file: string): Journal | undefined => {
  let text: string
  try {
    text = fs.readFileSync(file, "utf8")
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw cause
  }
  try {
    return Schema.decodeUnknownSync(Journal)(text)
  } catch {
    throw wrong(
      `${file}, which says how far a simulation came, is damaged or of another release: ${elsewhere}.`
    )
  }
}
