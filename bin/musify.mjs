#!/usr/bin/env node
// The musify command, from its TypeScript source.
import { fileURLToPath } from "node:url"
import { runProgram } from "../tools/runProgram.mjs"

await runProgram(fileURLToPath(new URL("../apps/musify/src/main.ts", import.meta.url)))
