import type { CliApp, Command } from "@effect/cli"
import { Command as Commands, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Cause, type Console, Context, Effect, Exit, Fiber, FiberId, Layer, Option } from "effect"
import process from "node:process"
import { stripVTControlCharacters } from "node:util"
import { knownSettings } from "./setting.ts"
import { layerLineLog, printError } from "./stderrLog.ts"
import { readSettingsFile, SettingSources, settingSources, settingsConfigProvider } from "./settings.ts"
import { UserError } from "./UserError.ts"

/** A program that was asked to stop ends within this time (real ms), cleanly or not. */
const stopDeadlineMs = 1_700

/** What the running command has told about itself. */
class MainState extends Context.Reference<MainState>()("@musify/runtime/MainState", {
  defaultValue: () => ({ serving: false })
}) {}

/**
 * Marks an effect that runs until it is stopped: Ctrl-C or SIGTERM is then its regular end, exit code 0.
 * Other commands that are stopped exit with 130 (Ctrl-C) or 143 (SIGTERM), since they did not finish.
 */
export const serving = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(MainState, (state) => {
    state.serving = true
    return effect
  })

const debug = (): boolean => process.env.MUSIFY_DEBUG !== undefined && process.env.MUSIFY_DEBUG !== ""

const isTagged = (error: unknown): error is { readonly _tag: string; readonly message: string } =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  "message" in error &&
  typeof error.message === "string"

/** What a failed command prints (undefined: it was said already) and its exit code. */
export const describeFailure = (
  cause: Cause.Cause<unknown>
): { readonly message: string | undefined; readonly exitCode: number } => {
  const error = Option.getOrElse(Cause.failureOption(cause), () =>
    Option.getOrUndefined(Cause.dieOption(cause))
  )
  // @effect/cli has printed its own errors.
  if (ValidationError.isValidationError(error)) return { message: undefined, exitCode: 2 }
  if (error instanceof UserError) return { message: error.message, exitCode: error.exitCode }
  if (isTagged(error) && error.message !== "") {
    // An error may know better than its name: a file that cannot be read since it is damaged is something found wrong.
    const own = "exitCode" in error && typeof error.exitCode === "number" ? error.exitCode : undefined
    return { message: error.message, exitCode: own ?? (error._tag.endsWith("Unavailable") ? 3 : 1) }
  }
  const text = error instanceof Error ? error.message : String(error)
  return {
    message: `This is a fault in Musify itself: ${text}\nRun it again with MUSIFY_DEBUG=1 to see where, and report that.`,
    exitCode: 1
  }
}

/** The console of @effect/cli paints everything: leave that out where no person looks at a terminal. */
const withPlainConsole = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.consoleWith((console) => {
    const text = (value: unknown, colours: boolean): unknown =>
      typeof value === "string"
        ? (colours ? value : stripVTControlCharacters(value)).replace(/\n+$/, "")
        : value
    const plain = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== ""
    return Effect.withConsole(effect, {
      ...console,
      log: (...args) => console.log(...args.map((arg) => text(arg, !plain && process.stdout.isTTY))),
      error: (...args) => console.error(...args.map((arg) => text(arg, !plain && process.stderr.isTTY)))
    } satisfies Console.Console)
  })

export interface RunMainOptions {
  /** Name of the program in --help. */
  readonly name: string
  readonly version: string
  /**
   * Refuse keys of musify.json that no setting has (exit 2). For the program that holds all commands; a part alone
   * does not know the settings of the others and passes over them.
   */
  readonly refuseUnknownKeys?: boolean
}

/** Where a program is run. */
export interface MainContext {
  /** As process.argv: runtime, program, then what the user gave. */
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The working directory, where musify.json is looked for. */
  readonly directory: string
}

/** The program of a command: settings read, command run, nothing printed but its own output. */
export const mainEffect = <Name extends string, E, A>(
  command: Command.Command<Name, CliApp.CliApp.Environment, E, A>,
  options: RunMainOptions,
  { args, directory, environment }: MainContext
): Effect.Effect<void, E | UserError | ValidationError.ValidationError> =>
  Effect.gen(function* () {
    const file = yield* readSettingsFile(directory)
    if (options.refuseUnknownKeys === true) {
      for (const [key, { place }] of file) {
        if (!knownSettings().has(key)) {
          return yield* new UserError({
            message: `There is no setting for the ${place}. See --help for the names.`,
            exitCode: 2
          })
        }
      }
    }
    yield* Commands.run(command, { name: options.name, version: options.version })(args).pipe(
      Effect.provideService(SettingSources, settingSources(environment, file)),
      Effect.withConfigProvider(settingsConfigProvider(environment, file))
    )
  }).pipe(withPlainConsole, Effect.provide(Layer.merge(NodeContext.layer, layerLineLog)))

/**
 * Runs a command with the process's arguments and settings and ends the process: exit code 0 fine, 1 found wrong or a
 * fault, 2 wrong use or setting, 3 a part is not reachable; see `serving` for Ctrl-C and SIGTERM. A stop is clean
 * within 2 s; after that, or on a second signal, the process just ends (all stored state survives that).
 */
export const runMain = <Name extends string, E, A>(
  command: Command.Command<Name, CliApp.CliApp.Environment, E, A>,
  options: RunMainOptions
): void => {
  const state = { serving: false }
  let signal: "SIGINT" | "SIGTERM" | undefined
  const stopCode = () => (signal === "SIGINT" ? 130 : 143)

  // The reader of our output has gone (musify … | head): stop quietly.
  process.stdout.on("error", () => process.exit(0))
  process.on("uncaughtException", (error) => {
    printError(describeFailure(Cause.die(error)).message ?? String(error))
    if (debug()) printError(error.stack ?? "")
    process.exit(1)
  })

  // Keeps the process alive while only effects wait.
  const keepAlive = setInterval(() => {}, 2 ** 30)

  const stop = (received: "SIGINT" | "SIGTERM") => {
    if (signal !== undefined) process.exit(stopCode())
    signal = received
    setTimeout(() => {
      printError("The program did not end within 2 s and was cut off. Nothing that was stored is lost.")
      process.exit(stopCode())
    }, stopDeadlineMs)
    Effect.runFork(Fiber.interruptAsFork(fiber, FiberId.none))
  }
  // Before the command begins: who is told that it has may stop it at once.
  process.on("SIGINT", () => stop("SIGINT"))
  process.on("SIGTERM", () => stop("SIGTERM"))

  const fiber = Effect.runFork(
    mainEffect(command, options, {
      args: process.argv,
      environment: process.env,
      directory: process.cwd()
    }).pipe(Effect.provideService(MainState, state))
  )
  fiber.addObserver((exit) => {
    clearInterval(keepAlive)
    let exitCode = 0
    if (Exit.isFailure(exit)) {
      if (Cause.isInterruptedOnly(exit.cause)) {
        exitCode = state.serving && signal !== undefined ? 0 : signal === undefined ? 1 : stopCode()
      } else {
        const failure = describeFailure(exit.cause)
        exitCode = failure.exitCode
        if (failure.message !== undefined) printError(failure.message)
        if (debug()) printError(Cause.pretty(exit.cause, { renderErrorCause: true }))
      }
    }
    process.exitCode = exitCode
    // Native libraries may keep the process alive: end it as soon as the output is out.
    process.stdout.write("", () => process.exit(exitCode))
  })
}
