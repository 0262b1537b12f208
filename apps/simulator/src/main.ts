import { Command } from "@effect/cli"
import { runMain } from "@musify/runtime/runMain.ts"
import { command } from "./command.ts"
import { describeCommand } from "./describe/command.ts"
import { help } from "./help.ts"

const name = "musify-simulate"

runMain(command.pipe(Command.withDescription(help(name)), Command.withSubcommands([describeCommand])), {
  name,
  version: "0.1.0"
})
