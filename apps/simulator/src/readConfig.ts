import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Either, ParseResult, Schema } from "effect"
import { findNodeAtLocation, parseTree } from "jsonc-parser"
import { readFile } from "node:fs/promises"
import { configFaults, type ConfigRemark, sumFaults } from "./configFaults.ts"
import { placeOf, readJson } from "./configSyntax.ts"
import { configWarnings } from "./configWarnings.ts"
import { EventsimConfig, Transition } from "./EventsimConfig.ts"

/** A config that can be run, and what its file says in vain: one line each, with the file and the key. */
export interface ReadConfig {
  readonly config: EventsimConfig
  readonly warnings: ReadonlyArray<string>
}

/** Faults beyond this number are counted only. */
const mostFaults = 50

const decode = Schema.decodeUnknownEither(EventsimConfig, { onExcessProperty: "ignore", errors: "all" })
const isTransition = Schema.is(Transition)

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path.length === 0
    ? "the file"
    : path
        .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
        .join("")
        .replace(/^\./, "")

const short = (text: string): string => {
  const line = text.replace(/\s+/g, " ")
  return line.length > 80 ? `${line.slice(0, 77)}...` : line
}

const refused = (lines: ReadonlyArray<string>): UserError =>
  new UserError({
    message: [
      ...lines.slice(0, mostFaults),
      ...(lines.length > mostFaults ? [`… and ${lines.length - mostFaults} more faults.`] : [])
    ].join("\n"),
    exitCode: 2
  })

/** What the Schema refuses, and which sums of the transitions that it accepts are above 1. */
const formFaults = (
  raw: unknown,
  error: ParseResult.ParseError,
  sourceOf: (path: ReadonlyArray<PropertyKey>) => string
): ReadonlyArray<ConfigRemark> => {
  const faults = new Map<string, ConfigRemark>()
  for (const { _tag, message, path } of ParseResult.ArrayFormatter.formatErrorSync(error)) {
    const key = JSON.stringify(path)
    // An optional key fails twice: as what it should be, then as undefined.
    if (faults.has(key)) continue
    const expected = path.length === 0 ? "an object with the keys of an Eventsim config" : message
    faults.set(key, {
      path,
      message:
        _tag === "Missing" ? `is missing, expected ${expected}` : `is ${sourceOf(path)}, expected ${expected}`
    })
  }
  const transitions = (raw as { readonly transitions?: unknown } | null)?.transitions
  const understood = Array.isArray(transitions)
    ? [...transitions.entries()].filter((entry): entry is [number, Transition] => isTransition(entry[1]))
    : []
  return [...faults.values(), ...sumFaults(understood)]
}

/**
 * Reads the text of a config file. `file` is how messages name it. Fails (exit 2) with one line per fault, all faults
 * at once: file, line, key path, what was found, what was expected.
 */
export const parseConfig = (text: string, file: string): Either.Either<ReadConfig, UserError> => {
  const json = text.replace(/^\uFEFF/, " ")
  const { faults: syntaxFaults, value } = readJson(json)
  const syntax = syntaxFaults.map(({ message, offset }) => {
    const { column, line } = placeOf(json, offset)
    return `${file}:${line}:${column}: this is not JSON: line ${line}, column ${column}: ${message}`
  })
  if (value === undefined) return Either.left(refused(syntax))

  const tree = parseTree(json, [], { allowTrailingComma: true })
  const nodeOf = (path: ReadonlyArray<PropertyKey>) =>
    tree === undefined ? undefined : findNodeAtLocation(tree, [...path] as Array<string | number>)
  const sourceOf = (path: ReadonlyArray<PropertyKey>) => {
    const node = nodeOf(path)
    return node === undefined ? "nothing" : short(json.slice(node.offset, node.offset + node.length))
  }
  const where = (path: ReadonlyArray<PropertyKey>) => {
    // A missing key is not in the file: its parent's line is the nearest thing to show.
    for (let length = path.length; length >= 0; length--) {
      const node = nodeOf(path.slice(0, length))
      if (node !== undefined) return `${file}:${placeOf(json, node.offset).line}`
    }
    return file
  }
  const line = ({ message, path }: ConfigRemark) => `${where(path)}: ${pathText(path)} ${message}`

  const decoded = decode(value)
  const faults = Either.isLeft(decoded)
    ? formFaults(value, decoded.left, sourceOf)
    : configFaults(decoded.right)
  if (Either.isLeft(decoded) || faults.length > 0 || syntax.length > 0) {
    return Either.left(refused([...syntax, ...faults.map(line)]))
  }
  const config = decoded.right
  return Either.right({ config, warnings: configWarnings(value, config).map(line) })
}

/** Reads a config file from disk; its warnings are logged. */
export const readConfig = (file: string): Effect.Effect<EventsimConfig, UserError> =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) => {
      const code = (cause as { readonly code?: unknown }).code
      const reason =
        code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : undefined
      return new UserError({
        message: `Cannot read the config file ${file}: ${reason ?? (cause instanceof Error ? cause.message : String(cause))}. Give a file in Eventsim's format.`,
        exitCode: 2
      })
    }
  }).pipe(
    Effect.flatMap((text) => parseConfig(text, file)),
    Effect.tap(({ warnings }) => Effect.forEach(warnings, (warning) => Effect.logWarning(warning))),
    Effect.map(({ config }) => config)
  )

/** Checks a config that was changed after it was read (`--growth-rate` and the like). */
export const checkConfig = (
  config: EventsimConfig,
  file: string
): Either.Either<EventsimConfig, UserError> => {
  const faults = configFaults(config)
  return faults.length === 0
    ? Either.right(config)
    : Either.left(refused(faults.map(({ message, path }) => `${file}: ${pathText(path)} ${message}`)))
}
