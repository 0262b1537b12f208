import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Either, ParseResult, Schema } from "effect"
import { findNodeAtLocation, parse, parseTree, type ParseError, printParseErrorCode } from "jsonc-parser"
import { readFile } from "node:fs/promises"
import { type FaultName, faultNames, FaultsConfig, recordFaults } from "./FaultsConfig.ts"

type Path = ReadonlyArray<PropertyKey>
interface Problem {
  readonly path: Path
  readonly message: string
}

const pathText = (path: Path): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "")

const short = (value: unknown): string => {
  const json = JSON.stringify(value)
  return json.length > 80 ? `${json.slice(0, 77)}...` : json
}

/** `"late": 0.01` is `"late": {"share": 0.01}`. */
const spelledOut = (raw: unknown): unknown =>
  typeof raw !== "object" || raw === null || Array.isArray(raw)
    ? raw
    : Object.fromEntries(
        Object.entries(raw).map(([key, value]) =>
          typeof value === "number" && (faultNames as ReadonlyArray<string>).includes(key)
            ? [key, { share: value }]
            : [key, value]
        )
      )

/** What the form alone does not say: shares that exclude each other, delays that cannot be. */
const contradictions = (config: FaultsConfig): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  const sum = Number(recordFaults.reduce((total, name) => total + config[name].share, 0).toPrecision(12))
  if (sum > 1) {
    problems.push({
      path: [],
      message: `has shares of ${recordFaults.join(", ")} that add up to ${sum}, expected at most 1: a record has one fault at most`
    })
  }
  const { delay } = config.late
  for (const key of ["at-least", "mean"] as const) {
    if ((key === "mean") === (delay.distribution === "exponential") && delay[key] > delay["at-most"]) {
      problems.push({
        path: ["late", "delay", key],
        message: `is ${delay[key]} s, expected at most late.delay.at-most, ${delay["at-most"]} s`
      })
    }
  }
  return problems
}

/** Decodes what a file holds; every problem of it. */
const decode = (raw: unknown): Either.Either<FaultsConfig, ReadonlyArray<Problem>> => {
  const given = spelledOut(raw)
  const decoded = Schema.decodeUnknownEither(FaultsConfig, { onExcessProperty: "error", errors: "all" })(
    given
  )
  if (Either.isRight(decoded)) {
    const problems = contradictions(decoded.right)
    return problems.length === 0 ? Either.right(decoded.right) : Either.left(problems)
  }
  // A key that may be left out is a union with undefined, which every wrong value fails as well.
  const issues = ParseResult.ArrayFormatter.formatErrorSync(decoded.left).filter(
    ({ message }) => !message.startsWith("Expected undefined")
  )
  return Either.left(
    issues.map(({ _tag, message, path }): Problem => {
      const found = path.reduce<unknown>(
        (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
        given
      )
      if (_tag === "Unexpected") {
        const keys = message.replace(/^is unexpected, expected: /, "").replaceAll('"', "")
        return { path, message: `is unknown, expected one of ${keys.replaceAll(" | ", ", ")}` }
      }
      if (found === undefined) {
        const isEntry = typeof path[path.length - 1] === "number"
        return {
          path,
          message: `is missing, expected ${isEntry ? "one entry at least" : "a share from 0 to 1"}`
        }
      }
      const expected = message
        .replace(/^Expected /, "")
        .replace(/, actual .*$/s, "")
        .replace(
          "Struct (Encoded side)",
          path.length === 1 ? "a share from 0 to 1 or an object" : "an object"
        )
        .replace(/^readonly \[.*\]$/, "a list")
      return { path, message: `is ${short(found)}, expected ${expected}` }
    })
  )
}

/** Reads the text of a file of faults. `file` is how messages name it. Fails with one line per problem (exit 2). */
export const parseFaults = (text: string, file: string): Either.Either<FaultsConfig, UserError> => {
  const lineOf = (offset: number) => text.slice(0, offset).split("\n").length
  const refuse = (lines: ReadonlyArray<string>) =>
    Either.left(new UserError({ message: lines.join("\n"), exitCode: 2 }))

  const errors: Array<ParseError> = []
  const raw: unknown = parse(text.replace(/^\uFEFF/, " "), errors, { disallowComments: true })
  if (errors.length > 0) {
    const { error, offset } = errors[0]
    const column = offset - text.lastIndexOf("\n", offset - 1)
    return refuse([
      `${file}:${lineOf(offset)}:${column}: this is not JSON (line ${lineOf(offset)}, column ${column}): ${printParseErrorCode(error)}; expected a file of faults, as {"duplicates": 0.01, "late": 0.01}`
    ])
  }
  const tree = parseTree(text)
  const where = (path: Path): string => {
    // A missing key is not in the file: its parent's line is the nearest thing to show.
    for (let length = path.length; tree !== undefined && length >= 0; length--) {
      const node = findNodeAtLocation(tree, path.slice(0, length) as Array<string | number>)
      if (node !== undefined) return `${file}:${lineOf(node.offset)}`
    }
    return file
  }
  const decoded = decode(raw)
  return Either.isRight(decoded)
    ? Either.right(decoded.right)
    : refuse(
        decoded.left.map(
          ({ message, path }) =>
            `${where(path)}: ${path.length === 0 ? "the file" : pathText(path)} ${message}`
        )
      )
}

/** Shares and seed as options give them; they go before those of the file. */
export type GivenFaults = { readonly [Name in FaultName]?: number | undefined } & {
  readonly seed?: number | undefined
}

/** The faults of a file (if one is given) with the options' shares in the place of its own. */
export const readFaults = (
  file: string | undefined,
  given: GivenFaults
): Effect.Effect<FaultsConfig, UserError> =>
  Effect.gen(function* () {
    const base =
      file === undefined
        ? {}
        : yield* Effect.tryPromise({
            try: () => readFile(file, "utf8"),
            catch: (cause) =>
              new UserError({
                message: `The file of faults ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. Give --faults a JSON file like {"duplicates": 0.01, "late": 0.01}, or leave it out.`,
                exitCode: 2
              })
          }).pipe(Effect.flatMap((text) => parseFaults(text, file)))
    const merged: Record<string, unknown> = { ...base }
    for (const name of faultNames) {
      if (given[name] !== undefined)
        merged[name] = { ...(merged[name] as object | undefined), share: given[name] }
    }
    if (given.seed !== undefined) merged.seed = given.seed
    return yield* Either.mapLeft(
      decode(merged),
      (problems) =>
        new UserError({
          message: problems
            .map(({ message, path }) =>
              path.length === 0
                ? `The options of faults: what they say together ${message}.`
                : `${pathText(path)} ${message}.`
            )
            .join("\n"),
          exitCode: 2
        })
    )
  })
