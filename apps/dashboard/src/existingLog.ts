import { EventLog } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { makeLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, Layer, Scope, SynchronizedRef } from "effect"
import fs from "node:fs"
import path from "node:path"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"

/**
 * The embedded log for one who only watches it: opened as soon as a producer has made it, never made by us, since how
 * many partitions it gets is the producer's to say.
 */
export const layerExistingLog = (folder: string): Layer.Layer<EventLog> =>
  Layer.scoped(
    EventLog,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const opened = yield* SynchronizedRef.make<EventLogService | undefined>(undefined)
      const missing = new EventLogUnavailable({
        message: `There is no event log in ${folder} yet. Start a simulator (musify simulate) or wait for it.`,
        retryable: true
      })
      const open = SynchronizedRef.updateAndGetEffect(opened, (log) =>
        log !== undefined
          ? Effect.succeed(log)
          : !fs.existsSync(path.join(folder, "data.mdb"))
            ? Effect.fail(missing)
            : makeLmdbEventLog({ path: folder }).pipe(
                Scope.extend(scope),
                Effect.mapError(
                  (error) =>
                    new EventLogUnavailable({ message: error.message, retryable: true, cause: error })
                )
              )
      )
      const use = <A, R = never>(
        f: (log: EventLogService) => Effect.Effect<A, EventLogError, R>
      ): Effect.Effect<A, EventLogError, R> =>
        Effect.flatMap(open, (log): Effect.Effect<A, EventLogError, R> =>
          log === undefined ? missing : f(log)
        )
      return EventLog.of({
        partitions: (topic) => use((log) => log.partitions(topic)),
        append: (batches) => use((log) => log.append(batches)),
        read: (topic, partition, offset, maxBytes) =>
          use((log) => log.read(topic, partition, offset, maxBytes)),
        join: (group) => use((log) => log.join(group)),
        range: (topic, partition) => use((log) => log.range(topic, partition)),
        commit: (group, topic, partition, offset) =>
          use((log) => log.commit(group, topic, partition, offset)),
        committed: (group, topic, partition) => use((log) => log.committed(group, topic, partition))
      })
    })
  )
