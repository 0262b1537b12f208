import { Args, Command } from "@effect/cli"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { bucketOptions } from "@musify/lake/storeSettings.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { type DataFolderService, openDataFolder } from "@musify/runtime/DataFolder.ts"
import { dataOption, jsonOption, type Moment, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { logOptions, resolveLogSettings } from "@musify/stream/logSettings.ts"
import { Clock, Console, Effect, Layer } from "effect"
import { defaultIngestOptions } from "../IngestOptions.ts"
import { layerBucket, layerParts } from "../parts.ts"
import { groupsText, letterText, replayText } from "./deadLetterTexts.ts"
import { listDeadLetters } from "./listDeadLetters.ts"
import { replayDeadLetters } from "./replayDeadLetters.ts"
import { showDeadLetter } from "./showDeadLetter.ts"

const filterOptions = {
  topic: setting.optionalChoice("topic", topics, { description: "Dead letters of this topic alone." }),
  partition: setting.optionalInteger("partition", {
    min: 0,
    description: "Dead letters of this partition alone."
  }),
  reason: setting.optionalText("reason", {
    description: 'Of this kind of reason ("invalid JSON"), or whose reason begins so.'
  }),
  since: setting.optionalMoment("since", {
    description: "Logged at this time or later: a UTC date or time, or a period back from now like 2h or 7d."
  }),
  until: setting.optionalMoment("until", { description: "Logged before this time." })
}

const filterOf = (given: Command.Command.ParseConfig<typeof filterOptions>) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const at = (moment: Moment | undefined) =>
      moment === undefined ? undefined : moment.kind === "at" ? moment.ms : now - moment.ms
    return { ...given, from: at(given.since), to: at(given.until) }
  })

const listCommand = Command.make(
  "list",
  { data: dataOption, json: jsonOption, ...bucketOptions, ...filterOptions },
  (settings) =>
    Effect.gen(function* () {
      const store = yield* ObjectStore
      const groups = yield* listDeadLetters(store, yield* filterOf(settings))
      yield* Console.log(settings.json ? JSON.stringify(groups) : groupsText(groups))
    }).pipe(Effect.provide(layerBucket(settings)))
).pipe(Command.withDescription("Count dead letters by hour, topic and reason, newest first."))

const parseAddress = (text: string): Effect.Effect<readonly [Topic, number, number], UserError> => {
  const match = /^([a-z_]+)\/(\d+)\/(\d+)$/.exec(text)
  const topic = topics.find((one) => one === match?.[1])
  return match === null || topic === undefined
    ? Effect.fail(
        new UserError({
          message: `The dead letter is ${JSON.stringify(text)}: TOPIC/PARTITION/OFFSET was expected, as listen_events/3/1200.`,
          exitCode: 2
        })
      )
    : Effect.succeed([topic, Number(match[2]), Number(match[3])])
}

const showCommand = Command.make(
  "show",
  {
    address: Args.text({ name: "topic/partition/offset" }),
    data: dataOption,
    json: jsonOption,
    ...bucketOptions
  },
  (settings) =>
    Effect.gen(function* () {
      const address = yield* parseAddress(settings.address)
      const letter = yield* showDeadLetter(yield* ObjectStore, ...address)
      if (letter === undefined)
        return yield* new UserError({
          message: `There is no dead letter ${settings.address}: what lay there was stored as an event, or is not stored yet.`,
          exitCode: 1
        })
      yield* Console.log(settings.json ? JSON.stringify(letter) : letterText(letter))
    }).pipe(Effect.provide(layerBucket(settings)))
).pipe(Command.withDescription("Show one dead letter: reason, position, key, headers and raw bytes."))

/**
 * How records of another producer get into the log of a data folder: whoever puts the parts together knows what else
 * writes there.
 */
export type WritesIntoFolder = <A, E, R>(
  folder: DataFolderService,
  writes: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | UserError | EventLogError, R | EventLog>

const replayCommand = (intoFolder: WritesIntoFolder) =>
  Command.make(
    "replay",
    { data: dataOption, json: jsonOption, ...logOptions, ...bucketOptions, ...filterOptions },
    (settings) =>
      Effect.gen(function* () {
        const log = yield* resolveLogSettings(settings)
        const summary = yield* Effect.gen(function* () {
          const parts = { store: yield* ObjectStore, log: yield* EventLog }
          const progress = yield* Progress
          const replay = replayDeadLetters(parts, yield* filterOf(settings), (files, total) =>
            progress.report("replay", { done: files, total, unit: "files" })
          )
          const done = yield* log.kind === "lmdb"
            ? Effect.flatMap(openDataFolder(settings.data), (folder) => intoFolder(folder, replay))
            : replay
          yield* progress.finish("replay")
          return done
        }).pipe(Effect.provide(layerParts(settings, log, defaultIngestOptions.writer)))
        yield* Console.log(settings.json ? JSON.stringify(summary) : replayText(summary))
      }).pipe(Effect.provide(settings.json ? Layer.empty : layerProgress))
  ).pipe(
    Command.withDescription(
      [
        "Decode dead letters again with this release, and put those that are good now back into the log, each once.",
        "Run it again after it was stopped or killed: what was put back is not put back twice.",
        "A replayed record has its origin in three headers, musify-origin-topic, -partition and -offset."
      ].join("\n")
    )
  )

/** `musify dead-letters`: what could not be decoded, and what to do about it. */
export const makeDeadLettersCommand = (intoFolder: WritesIntoFolder) =>
  Command.make("dead-letters").pipe(
    Command.withDescription(
      [
        "Lists, shows and replays dead letters: records of the log that are no events.",
        "",
        "Examples:",
        "  musify dead-letters list --since 1d                    what went wrong since yesterday",
        "  musify dead-letters show listen_events/3/1200          one of them, to the byte",
        '  musify dead-letters replay --reason "wrong type"      after a fix'
      ].join("\n")
    ),
    Command.withSubcommands([listCommand, showCommand, replayCommand(intoFolder)])
  )
