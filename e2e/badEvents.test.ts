import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { makeLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect } from "effect"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { expectBadEventsApart, type Placed, sendBadEvents } from "./badEvents.ts"
import { run, temporaryFolder } from "./musify.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

/** The log of a data folder, while `use` runs. */
const withLog = (use: (log: EventLogService) => Promise<ReadonlyArray<Placed>>) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const data = yield* openDataFolder(folder.path)
        yield* data.freeze("partitions", "1")
        const log = yield* makeLmdbEventLog({ path: data.log, partitions: 1 })
        return yield* Effect.promise(() => use(log))
      })
    )
  )

test("bad events of ten kinds in a data folder's log: each is a dead letter, bit for bit, and nothing else is hurt", async () => {
  const placed = await withLog(sendBadEvents)
  const { code, stderr } = await run(["ingest", "--once", "--data", folder.path])
  expect(code, stderr).toBe(0)
  await expectBadEventsApart(join(folder.path, "bucket"), placed)
})
