import { describeFailure, mainEffect } from "@musify/runtime/runMain.ts"
import type { Console } from "effect"
import { Effect, Exit } from "effect"
import process from "node:process"
import { createInterface } from "node:readline"
import { format } from "node:util"
import { musifyCommand } from "../apps/musify/src/musify.ts"

/*
 * Runs musify commands one after the other in one process: for tests of what a command does and says, where starting
 * and ending the program is not what is tested. Each line in is a JSON array of arguments, each line out {code, stdout,
 * stderr}. The progress line goes to the process's own standard error.
 */
const runOne = async (args: ReadonlyArray<string>) => {
  let stdout = ""
  let stderr = ""
  const log = (...values: ReadonlyArray<unknown>) => void (stdout += `${format(...values)}\n`)
  const error = (...values: ReadonlyArray<unknown>) => void (stderr += `${format(...values)}\n`)
  const real = await Effect.runPromise(Effect.console)
  const captured: Console.Console = {
    ...real,
    log: (...values) => Effect.sync(() => log(...values)),
    error: (...values) => Effect.sync(() => error(...values)),
    unsafe: { ...real.unsafe, log, error }
  }
  const exit = await Effect.runPromiseExit(
    Effect.withConsole(
      mainEffect(
        musifyCommand,
        { name: "Musify", version: "0.0.0", refuseUnknownKeys: true },
        { args: ["node", "musify", ...args], environment: process.env, directory: process.cwd() }
      ),
      captured
    )
  )
  if (Exit.isSuccess(exit)) return { code: 0, stdout, stderr }
  const { exitCode, message } = describeFailure(exit.cause)
  return { code: exitCode, stdout, stderr: message === undefined ? stderr : `${stderr}${message}\n` }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await runOne(JSON.parse(line) as ReadonlyArray<string>))}\n`)
process.exit(0)
