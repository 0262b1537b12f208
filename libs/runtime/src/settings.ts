import { ConfigProvider, Context, Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import { jsonErrorOffset } from "./jsonErrorOffset.ts"
import { fileError, UserError } from "./UserError.ts"

/** A setting's text and where it came from, for messages ("environment variable MUSIFY_PORT"). */
export interface SettingText {
  readonly text: string
  readonly place: string
}

/** Looks a setting up outside the command line: the environment before musify.json. */
export interface SettingSourcesService {
  readonly lookup: (name: string) => SettingText | undefined
}

/** Where settings come from when no flag is given. Without `runMain` (in tests) there are none. */
export class SettingSources extends Context.Reference<SettingSources>()("@musify/runtime/SettingSources", {
  defaultValue: (): SettingSourcesService => ({ lookup: () => undefined })
}) {}

/** The file of settings that is read from the working directory. */
export const settingsFileName = "musify.json"

/** `MUSIFY_BUILD_EVERY` for `build-every`. */
export const environmentName = (name: string): string => `MUSIFY_${name.replaceAll("-", "_").toUpperCase()}`

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** The settings of a file, or none when there is no file. Fails with file, line and column, or file and key. */
export const readSettingsFile = (
  directory: string
): Effect.Effect<ReadonlyMap<string, SettingText>, UserError> =>
  Effect.suspend(() => {
    const file = path.join(directory, settingsFileName)
    let text: string
    try {
      text = fs.readFileSync(file, "utf8").replace(/^\uFEFF/, "")
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Effect.succeed(new Map())
      return Effect.fail(fileError(`read the settings in ${file}`, cause))
    }
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      const before = text.slice(0, jsonErrorOffset(text)).split("\n")
      const column = before[before.length - 1].length + 1
      return Effect.fail(
        wrong(`${file}:${before.length}:${column} is no valid JSON. Correct it there (or remove the file).`)
      )
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      return Effect.fail(wrong(`${file} should hold one JSON object of settings, as {"port": 4300}.`))
    }
    const settings = new Map<string, SettingText>()
    for (const [key, value] of Object.entries(parsed)) {
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
        return Effect.fail(wrong(`${file}: the key "${key}" should be a text, a number, true or false.`))
      }
      settings.set(key, { text: String(value), place: `key "${key}" of ${file}` })
    }
    return Effect.succeed(settings)
  })

/** Environment over file. An empty variable counts as not set. */
export const settingSources = (
  environment: Readonly<Record<string, string | undefined>>,
  file: ReadonlyMap<string, SettingText>
): SettingSourcesService => ({
  lookup: (name) => {
    const variable = environmentName(name)
    const text = environment[variable]
    return text !== undefined && text !== ""
      ? { text, place: `environment variable ${variable}` }
      : file.get(name)
  }
})

/** The same sources for Effect's Config: `Config.redacted("kafka-password")` reads MUSIFY_KAFKA_PASSWORD. */
export const settingsConfigProvider = (
  environment: Readonly<Record<string, string | undefined>>,
  file: ReadonlyMap<string, SettingText>
): ConfigProvider.ConfigProvider => {
  const merged = new Map<string, string>()
  for (const [key, { text }] of file) merged.set(key, text)
  for (const [variable, text] of Object.entries(environment)) {
    if (variable.startsWith("MUSIFY_") && text !== undefined && text !== "") {
      merged.set(variable.slice("MUSIFY_".length).toLowerCase().replaceAll("_", "-"), text)
    }
  }
  return ConfigProvider.fromMap(merged)
}
