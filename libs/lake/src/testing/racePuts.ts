import process from "node:process"
import { Effect } from "effect"
import { makeLocalDirectoryObjectStore } from "../LocalDirectoryObjectStore.ts"

// Puts race/0 … race/<count − 1> into a bucket and prints the names that it created: one of two racing processes.
const [directory, writer, count] = process.argv.slice(2)
const bytes = new TextEncoder().encode(writer.repeat(5000))

const race = Effect.gen(function* () {
  const store = yield* makeLocalDirectoryObjectStore({ directory })
  for (let i = 0; i < Number(count); i++)
    if ((yield* store.putIfAbsent(`race/${i}`, bytes)) === "created") process.stdout.write(`race/${i}\n`)
})
Effect.runFork(race)
