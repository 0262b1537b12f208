import { Args, Command } from "@effect/cli"
import { jsonOption, setting } from "@musify/runtime/setting.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Console, Effect, Option } from "effect"
import { writeFile } from "node:fs/promises"
import { loadCatalog } from "../catalog/loadCatalog.ts"
import { simulationOptions } from "../simulationOptions.ts"
import { stateText } from "../EventsimConfig.ts"
import { loadConfig } from "../resolveSettings.ts"
import { describeConfig, endless } from "./describeConfig.ts"
import { descriptionText } from "./descriptionText.ts"
import { durationsOf } from "./sessionTime.ts"
import { stateGraph } from "./stateGraph.ts"

/** Days in a month of the figures. */
const monthDays = 30

const { attritionRate, config, growthRate, songs } = simulationOptions

const args = Args.text({ name: "config" }).pipe(
  Args.withDescription(
    "Config file in Eventsim's format. Default: the setting --config, or the built-in one."
  ),
  Args.optional
)

/** `musify describe`: what a config makes its listeners do, worked out without simulating. */
export const describeCommand = Command.make(
  "describe",
  {
    file: args,
    config,
    songs,
    growthRate,
    attritionRate,
    svg: setting.optionalText("svg", { description: "File to which the state graph is written as SVG." }),
    json: jsonOption
  },
  (given) =>
    Effect.gen(function* () {
      const file = Option.getOrUndefined(given.file) ?? given.config
      const config = yield* loadConfig({ ...given, config: file })
      if (given.svg !== undefined) {
        const svg = given.svg
        yield* Effect.tryPromise({
          try: () => writeFile(svg, stateGraph(config)),
          catch: (cause) => fileError(`write the state graph to ${svg}`, cause)
        })
      }
      const [state] = endless(config)
      if (state !== undefined) {
        return yield* new UserError({
          message: `${file ?? "The built-in config"} has no expected session length: sessions can go on for ever from ${stateText(state)}. Let the probabilities of some transition there add up to less than 1.`,
          exitCode: 2
        })
      }
      const catalog = yield* loadCatalog(given.songs)
      const description = describeConfig(config, durationsOf(catalog.songs), {
        start: undefined,
        days: monthDays
      })
      yield* Console.log(
        given.json
          ? JSON.stringify({ config: file ?? null, ...description })
          : descriptionText(file ?? "The built-in config", description)
      )
    })
).pipe(
  Command.withDescription(
    [
      "Explains a config before it is run: how long sessions are, which pages are seen how often, how many listeners",
      "upgrade, downgrade and leave in a month of 30 days. Worked out from the state machine, not by simulating.",
      "",
      "Examples:",
      "  musify describe                              the built-in config",
      "  musify describe eventsim.json --svg graph.svg  its figures, and its states as a graph",
      "  musify describe eventsim.json --json"
    ].join("\n")
  )
)
