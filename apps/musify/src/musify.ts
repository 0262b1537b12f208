import { Command } from "@effect/cli"
import { command as batchCommand } from "@musify/batcher/command.ts"
import { command as dashboardCommand } from "@musify/dashboard/command.ts"
import { makeDeadLettersCommand } from "@musify/ingestor/deadLetters/command.ts"
import { command as ingestCommand } from "@musify/ingestor/command.ts"
import { command as simulateCommand } from "@musify/simulator/command.ts"
import { describeCommand } from "@musify/simulator/describe/command.ts"
import { asForeignRun } from "@musify/simulator/foreignRun.ts"
import { replayCommand } from "@musify/simulator/replayCommand.ts"
import { auditCommand } from "./audit/command.ts"
import { docsCommand } from "./docs/command.ts"
import { upCommand } from "./up/up.ts"

/** `musify`: all parts under one name. */
export const musifyCommand = Command.make("musify").pipe(
  Command.withDescription(
    [
      "A music-streaming data platform: simulated listeners, an event log, a lake, a star schema and a dashboard.",
      "Every setting is a flag, an environment variable MUSIFY_… and a key of musify.json, in this order. All times are UTC.",
      "",
      "Examples:",
      "  musify up                         everything in one process",
      "  musify replay eventsim-output     another producer's events, byte for byte",
      "  musify dead-letters list          what could not be read, and why",
      "  musify audit --deep               recount everything from the outside",
      "  musify docs                       the star schema as a page"
    ].join("\n")
  ),
  Command.withSubcommands([
    upCommand,
    simulateCommand,
    describeCommand,
    replayCommand,
    ingestCommand,
    makeDeadLettersCommand(asForeignRun),
    batchCommand,
    dashboardCommand,
    auditCommand,
    docsCommand
  ])
)
