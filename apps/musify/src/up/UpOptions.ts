import { hostOption, portOption } from "@musify/dashboard/command.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { simulationOptions } from "@musify/simulator/simulationOptions.ts"
import type { Options } from "@effect/cli"

/** The settings of `musify up`: the simulation's, and how the parts work together. */
export const upSettings = {
  ...simulationOptions,
  data: dataOption,
  json: jsonOption,
  once: setting.boolean("once", {
    description: "Make the history, ingest, build and audit it, print the summary and end; no dashboard."
  }),
  port: portOption,
  host: hostOption,
  speed: setting.number("speed", {
    default: 1,
    min: 0.1,
    max: 3600,
    description: "How many times as fast as real time everything runs, once the history is made."
  }),
  production: setting.boolean("production", {
    description: "Production rhythm: micro-batches of two minutes, hours built at five past."
  }),
  roll: setting.optionalText("roll", {
    description: "A micro-batch ends this long after its first record, as 5s or 2m. Default: 5 real seconds."
  }),
  every: setting.optionalText("every", {
    description: "Time between two builds, as 10s or 5m. Default: 10 real seconds."
  }),
  partitions: setting.optionalInteger("partitions", {
    min: 1,
    max: 1000,
    description: "Partitions per topic of a new log. Default: 2."
  })
}

export type UpOptions = { readonly [Name in keyof typeof upSettings]: OptionType<(typeof upSettings)[Name]> }

type OptionType<O> = O extends Options.Options<infer A> ? A : never
