import process from "node:process"
import { Effect } from "effect"
import { makeGcsObjectStore } from "../gcs/GcsObjectStore.ts"
import { defaultGcsOptions, parseBucketAddress } from "../gcs/GcsOptions.ts"
import { makeLocalDirectoryObjectStore } from "../LocalDirectoryObjectStore.ts"

// Puts race/0 … race/<count − 1> into a bucket and prints the names that it created: one of two racing processes.
// The bucket is a directory, or gs://NAME/PREFIX on the server `endpoint`.
const [bucket, writer, count, endpoint] = process.argv.slice(2)
const bytes = new TextEncoder().encode(writer.repeat(5000))
const address = parseBucketAddress(bucket)

const race = Effect.gen(function* () {
  const store =
    address === undefined
      ? yield* makeLocalDirectoryObjectStore({ directory: bucket })
      : makeGcsObjectStore({ ...defaultGcsOptions, ...address, endpoint })
  for (let i = 0; i < Number(count); i++)
    if ((yield* store.putIfAbsent(`race/${i}`, bytes)) === "created") process.stdout.write(`race/${i}\n`)
})
Effect.runFork(race)
