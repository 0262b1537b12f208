import { type Layer, Logger } from "effect"
import fs from "node:fs"

/** Prints a line on the standard error at once, since the process may end right after it. */
export const printError = (message: string): void => {
  for (let tries = 0; tries < 200; tries++) {
    try {
      fs.writeSync(2, `${message}\n`)
      return
    } catch (cause) {
      // A pipe that is full for the moment; anything else: nobody reads our errors, the exit code says it.
      if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

const lines = Logger.make<unknown, void>(({ logLevel, message }) => {
  const parts = Array.isArray(message) ? message : [message]
  const text = parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ")
  printError(logLevel._tag === "Info" ? text : `${logLevel.label.toLowerCase()}: ${text}`)
})

/** Log lines for people. The standard output belongs to a command's result: they go to the standard error. */
export const layerLineLog: Layer.Layer<never> = Logger.replace(Logger.defaultLogger, lines)

/** Log lines as JSON objects, for programs, in the place of `layerLineLog`. */
export const layerJsonLog: Layer.Layer<never> = Logger.replace(
  lines,
  Logger.map(Logger.jsonLogger, printError)
)
