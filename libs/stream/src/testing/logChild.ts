import { topics } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import process from "node:process"
import { EventLog } from "../EventLog.ts"
import { readAll, recordsOf } from "./plainRecords.ts"
import { layer } from "../LmdbEventLog.ts"

/*
 * A process of its own, for tests: `append FOLDER SEED BATCHES BYTES SEGMENT_BYTES` appends to two partitions and writes
 * a line per acknowledged append; `read FOLDER…` opens each log and writes a hash of what it holds, or the message of its failure, as JSON.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const append = (folder: string, [seed, batches, bytes, segmentBytes]: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    for (let i = 0; i < batches; i++) {
      const count = 1 + ((seed * 7919 + i * 31) % 20)
      const parts = [0, 1].map((partition) => ({
        topic: topics[0],
        partition,
        records: recordsOf(
          Array.from({ length: count }, (_, n) => ({
            key: `${seed}`,
            value: `${seed}/${i}/${partition}/${n}`.padEnd(bytes, "x")
          }))
        )
      }))
      const bases = yield* log.append(parts)
      say(JSON.stringify({ i, count, bases }))
    }
  }).pipe(Effect.provide(layer({ path: folder, partitions: 2, segmentBytes })))

const read = (folder: string) =>
  Effect.forEach([0, 1], (partition) => readAll(topics[0], partition, 1 << 20)).pipe(
    Effect.provide(layer({ path: folder })),
    Effect.match({
      onSuccess: (found) =>
        say(JSON.stringify({ found: createHash("sha1").update(JSON.stringify(found)).digest("hex") })),
      onFailure: (error) => say(JSON.stringify({ failed: error.message }))
    })
  )

const [, , what, ...rest] = process.argv
if (what === "append") {
  const run = append(rest[0], rest.slice(1).map(Number))
  await Effect.runPromise(
    Effect.catchAll(run, ({ message }) => Effect.sync(() => say(JSON.stringify({ failed: message }))))
  )
} else {
  for (const folder of rest) await Effect.runPromise(read(folder))
}
