import { Progress } from "@musify/runtime/Progress.ts"
import type { LogLevel } from "effect"
import { Context, Effect, Layer, LogLevel as Level } from "effect"

/** Something that whoever runs an ingestor should hear of. */
export interface IngestNotice {
  /** Info: what goes as it should. Warning: it tries again. Error: a person is needed. */
  readonly level: "Info" | "Warning" | "Error"
  /** What happened, where, what to do: one sentence or more for people. */
  readonly message: string
  /** What programs look for: topic, partition, seq, the error's tag. */
  readonly fields: Readonly<Record<string, string | number>>
}

export interface IngestLogService {
  readonly tell: (notice: IngestNotice) => Effect.Effect<void>
}

const lines: IngestLogService = {
  tell: ({ level, message }) =>
    level === "Info" ? Effect.void : Effect.flatMap(Progress, ({ say }) => say(message))
}

/**
 * Where an ingestor tells what happens to it. Unless a layer says otherwise, what people should hear of comes as a line
 * beside the progress line, and what goes well does not.
 */
export class IngestLog extends Context.Reference<IngestLog>()("@musify/ingestor/IngestLog", {
  defaultValue: () => lines
}) {}

const levels: Readonly<Record<IngestNotice["level"], LogLevel.LogLevel>> = {
  Info: Level.Info,
  Warning: Level.Warning,
  Error: Level.Error
}

/** Notices go to Effect's logger, their fields as annotations: with a JSON logger each is an object. */
export const layerStructuredLog: Layer.Layer<never> = Layer.succeed(IngestLog, {
  tell: ({ fields, level, message }) =>
    Effect.annotateLogs(Effect.logWithLevel(levels[level], message), fields)
})
