import type { Scope } from "effect"
import { Context, Effect, Layer, Schema } from "effect"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { acquireRole } from "./roleLock.ts"
import { fileError, UserError } from "./UserError.ts"

/** Version of the folder's layout that this release reads and writes. */
export const dataFolderFormat = 1
const stateName = "musify-data.json"

const State = Schema.parseJson(
  Schema.Struct({
    format: Schema.Int,
    frozen: Schema.Record({ key: Schema.String, value: Schema.String })
  })
)
type State = typeof State.Type

/** Absolute paths of everything that the embedded parts keep, and what is fixed for the folder's life. */
export interface DataFolderService {
  readonly root: string
  /** The event log (LMDB). */
  readonly log: string
  /** The embedded bucket: lake/, log/ (plans and seals), dead-letters/, stage/, published/. */
  readonly bucket: string
  /** The DuckDB file. */
  readonly warehouse: string
  readonly published: string
  readonly stage: string
  /**
   * Fixes a setting for the folder's life: the first call stores the value, a later one with another value fails
   * (exit 2) and names setting, stored and given value.
   */
  readonly freeze: (name: string, value: string) => Effect.Effect<void, UserError>
  /** The frozen value of a setting, if it has one. */
  readonly frozen: (name: string) => Effect.Effect<string | undefined, UserError>
  /**
   * Holds a role ("simulator", "batcher", …) until the scope closes: one holder per folder, also across processes.
   * A killed holder leaves nothing behind. Fails (exit 2) when another holds it.
   */
  readonly lockRole: (role: string) => Effect.Effect<void, UserError, Scope.Scope>
}

/** The data folder in use (`--data`). */
export class DataFolder extends Context.Tag("@musify/runtime/DataFolder")<DataFolder, DataFolderService>() {}

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

const readState = (root: string): State | undefined => {
  const file = path.join(root, stateName)
  let text: string
  try {
    text = fs.readFileSync(file, "utf8")
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw fileError(`read ${file}`, cause)
  }
  const format = formatOf(text)
  if (format !== undefined && format > dataFolderFormat) {
    throw wrong(
      `${root} was made by a newer Musify (folder format ${format}; this one knows ${dataFolderFormat}). ` +
        `Nothing was touched: use that release, or another folder (--data).`
    )
  }
  try {
    return Schema.decodeUnknownSync(State)(text)
  } catch {
    throw wrong(
      `${file} is damaged: it should hold {"format": ${dataFolderFormat}, "frozen": {…}}. ` +
        `Restore that file, or use another folder (--data).`
    )
  }
}

// Looked at before anything else of the file, since a newer format may have changed all the rest.
const formatOf = (text: string): number | undefined => {
  try {
    const format = (JSON.parse(text) as { format?: unknown } | null)?.format
    return typeof format === "number" ? format : undefined
  } catch {
    return undefined
  }
}

let writes = 0

/** Writes the state so that it is there whole or not at all, also after a power cut. */
const writeState = (root: string, state: State, first: boolean): void => {
  const file = path.join(root, stateName)
  const temporary = path.join(root, `.${stateName}.${process.pid}.${writes++}`)
  try {
    const handle = fs.openSync(temporary, "wx")
    try {
      fs.writeFileSync(handle, `${JSON.stringify(state, null, 2)}\n`)
      fs.fsyncSync(handle)
    } finally {
      fs.closeSync(handle)
    }
    // link() fails when another process was first; its file is as good as ours.
    if (first) fs.linkSync(temporary, file)
    else fs.renameSync(temporary, file)
    syncFolder(root)
  } catch (cause) {
    if (!(first && (cause as NodeJS.ErrnoException).code === "EEXIST"))
      throw fileError(`write ${file}`, cause)
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return
  const handle = fs.openSync(folder, "r")
  try {
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
}

const prepare = (root: string): void => {
  try {
    fs.mkdirSync(root, { recursive: true })
  } catch (cause) {
    throw fileError(`make the data folder ${root}`, cause)
  }
  let names: ReadonlyArray<string>
  try {
    // Before the state is looked for: another process that begins now makes its files after the state.
    names = fs.readdirSync(root)
  } catch (cause) {
    throw fileError(`read the data folder ${root}`, cause)
  }
  if (readState(root) === undefined) {
    const foreign = names.find((name) => !name.startsWith(".") && name !== "lost+found" && name !== stateName)
    if (foreign !== undefined) {
      throw wrong(
        `${root} is no Musify data folder: it holds ${foreign}, but no ${stateName}. ` +
          `Nothing was touched: choose an empty or new folder (--data).`
      )
    }
    writeState(root, { format: dataFolderFormat, frozen: {} }, true)
  }
  probe(root)
}

/** Finds out at the start, not in the middle, that nothing can be written. */
const probe = (root: string): void => {
  const file = path.join(root, `.probe.${process.pid}.${writes++}`)
  try {
    fs.writeFileSync(file, "musify", { flag: "wx" })
  } catch (cause) {
    throw fileError(`write to the data folder ${root}`, cause)
  } finally {
    fs.rmSync(file, { force: true })
  }
}

const attempt = <A>(evaluate: () => A): Effect.Effect<A, UserError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(evaluate())
    } catch (cause) {
      return cause instanceof UserError ? Effect.fail(cause) : Effect.die(cause)
    }
  })

/** Opens a data folder, making it when there is none. Fails with a UserError that says what is in the way. */
export const openDataFolder = (dir: string): Effect.Effect<DataFolderService, UserError> =>
  Effect.gen(function* () {
    const root = path.resolve(dir)
    yield* attempt(() => prepare(root))
    const bucket = path.join(root, "bucket")
    const lockRole = (role: string) => acquireRole(root, role)

    const freeze = (name: string, value: string) =>
      Effect.scoped(
        Effect.gen(function* () {
          const known = yield* attempt(() => readState(root)?.frozen[name])
          if (known === undefined) {
            // Four processes may start at once: each read-change-write of the state has the file to itself.
            yield* acquireRole(root, "settings", { wait: true })
          }
          yield* attempt(() => {
            const state = readState(root) ?? { format: dataFolderFormat, frozen: {} }
            const stored = state.frozen[name]
            if (stored === undefined) {
              writeState(root, { ...state, frozen: { ...state.frozen, [name]: value } }, false)
            } else if (stored !== value) {
              throw wrong(
                `The setting "${name}" of ${root} is fixed: it was made with ${stored}, now ${value} was asked for. ` +
                  `Leave the setting out, or use another folder (--data).`
              )
            }
          })
        })
      )

    return {
      root,
      log: path.join(root, "log"),
      bucket,
      warehouse: path.join(root, "warehouse.duckdb"),
      published: path.join(bucket, "published"),
      stage: path.join(bucket, "stage"),
      freeze,
      frozen: (name) => attempt(() => readState(root)?.frozen[name]),
      lockRole
    }
  })

/** The data folder `dir` as a layer. */
export const layerDataFolder = (dir: string): Layer.Layer<DataFolder, UserError> =>
  Layer.effect(DataFolder, openDataFolder(dir))
