import { runMain } from "@musify/runtime/runMain.ts"
import { command } from "./command.ts"

runMain(command, { name: "musify dashboard", version: "0.1.0" })
