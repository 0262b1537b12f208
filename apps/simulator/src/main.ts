import { Command } from "@effect/cli"
import { runMain } from "@musify/runtime/runMain.ts"
import { command } from "./command.ts"
import { describeCommand } from "./describe/command.ts"

runMain(command.pipe(Command.withSubcommands([describeCommand])), {
  name: "musify simulate",
  version: "0.1.0"
})
