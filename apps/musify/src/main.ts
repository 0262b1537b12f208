import { runMain } from "@musify/runtime/runMain.ts"
import { musifyCommand } from "./musify.ts"

runMain(musifyCommand, { name: "Musify", version: "0.1.0", refuseUnknownKeys: true })
