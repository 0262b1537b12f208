import { Command } from "@effect/cli"
import process from "node:process"
import { Config, Effect, Redacted, Schema } from "effect"
import { DataFolder, layerDataFolder } from "../DataFolder.ts"
import { runMain, serving } from "../runMain.ts"
import { dataOption, jsonOption, setting } from "../setting.ts"
import { UserError } from "../UserError.ts"

/* A small program that does what the real ones do, for tests of whole processes. */

class ShopUnavailable extends Schema.TaggedError<ShopUnavailable>()("ShopUnavailable", {
  message: Schema.String
}) {}

const options = {
  data: dataOption,
  json: jsonOption,
  port: setting.integer("port", { default: 4300, min: 1, max: 65535, description: "Port." }),
  every: setting.duration("every", { default: "2 minutes", description: "Interval." }),
  mode: setting.choice("mode", ["fast", "slow"], { default: "slow", description: "Mode." }),
  once: setting.boolean("once", { description: "Stop when done." }),
  start: setting.optionalTime("start", { description: "Begin of history." })
}

const show = Command.make("show", options, (settings) =>
  Effect.gen(function* () {
    const secret = yield* Effect.option(Config.redacted("password"))
    const length = secret._tag === "Some" ? Redacted.value(secret.value).length : undefined
    yield* Effect.logInfo("a log line")
    yield* Effect.sync(() => process.stdout.write(`${JSON.stringify({ ...settings, length })}\n`))
  })
)

const hold = Command.make(
  "hold",
  {
    data: dataOption,
    kind: setting.choice("kind", ["work", "serve", "stuck"], { default: "work", description: "What to do." })
  },
  ({ data, kind }) =>
    Effect.gen(function* () {
      const folder = yield* DataFolder
      yield* folder.lockRole("holder")
      yield* Effect.addFinalizer(() => Effect.sync(() => process.stdout.write("closed\n")))
      yield* Effect.sync(() => process.stdout.write("holding\n"))
      if (kind === "stuck") yield* Effect.uninterruptible(Effect.never)
      yield* kind === "serve" ? serving(Effect.never) : Effect.never
    }).pipe(Effect.scoped, Effect.provide(layerDataFolder(data)))
)

const fail = Command.make(
  "fail",
  {
    how: setting.choice("how", ["unavailable", "defect", "audit"], { default: "defect", description: "How." })
  },
  ({ how }): Effect.Effect<void, ShopUnavailable | UserError> =>
    how === "unavailable"
      ? Effect.fail(new ShopUnavailable({ message: "The shop does not answer at shop:1. Start it." }))
      : how === "audit"
        ? Effect.fail(new UserError({ message: "Found 3 differences.", exitCode: 1 }))
        : Effect.dieSync(() => new Error("internal trouble"))
)

runMain(Command.make("demo").pipe(Command.withSubcommands([show, hold, fail])), {
  name: "demo",
  version: "0.0.1",
  refuseUnknownKeys: true
})
