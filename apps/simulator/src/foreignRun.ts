import type { DataFolderService } from "@musify/runtime/DataFolder.ts"
import type { UserError } from "@musify/runtime/UserError.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
import { producerRole } from "./EventSink.ts"
import { endsOf } from "./replay.ts"
import { readJournal, replayCutOff, type ReplayRun, writeJournal } from "./ReplayJournal.ts"

/**
 * Runs what writes other records than the simulator's into the log of a data folder, as its only producer, and keeps
 * account of them: what lies between the ends before and after is not the simulator's. After a kill in between the next
 * call closes the account, since nobody else could have written.
 */
export const asForeignRun = <A, E, R>(
  folder: DataFolderService,
  writes: Effect.Effect<A, E, R>
): Effect.Effect<A, E | UserError | EventLogError, R | EventLog> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* folder.lockRole(producerRole)
      const log = yield* EventLog
      const { root } = folder
      /** Closes the account of a run; one that wrote nothing is left out. */
      const close = (before: ReadonlyArray<ReplayRun>, { bases, files }: ReplayRun) =>
        Effect.gen(function* () {
          const ends = yield* endsOf(log)
          const wrote = ends.some(({ offset }, i) => offset !== (bases[i]?.offset ?? 0))
          const runs = wrote ? [...before, { files, bases, ends }] : before
          yield* writeJournal(root, runs)
          return runs
        })

      let runs = yield* readJournal(root)
      const last = runs[runs.length - 1]
      if (last !== undefined && last.ends === undefined) {
        if (last.files.length > 0) return yield* replayCutOff(root, last)
        runs = yield* close(runs.slice(0, -1), last)
      }
      const begun: ReplayRun = { files: [], bases: yield* endsOf(log) }
      yield* writeJournal(root, [...runs, begun])
      const exit = yield* Effect.exit(writes)
      yield* close(runs, begun)
      return yield* exit
    })
  )
