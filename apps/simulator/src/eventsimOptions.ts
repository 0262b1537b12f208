import type { Moment } from "@musify/runtime/setting.ts"
import { setting } from "@musify/runtime/setting.ts"
import { dayMs } from "@musify/domain/Hour.ts"

const replaced = "Eventsim's; says what to use instead."

/** Options of Eventsim that are none of ours by another name (those are aliases in `simulationOptions`). */
export const eventsimOptions = {
  from: setting.optionalInteger("from", {
    min: 0,
    alias: "f",
    description: "Begin of the history, this many days before now (as --start Nd)."
  }),
  to: setting.optionalInteger("to", {
    min: 0,
    alias: "t",
    description: "End of the simulation, this many days before now (as --end Nd)."
  }),
  userid: setting.optionalInteger("userid", {
    min: 0,
    alias: "u",
    description:
      "First user id; with --eventsim-compatible the first is one more. Default: the config's, or 1."
  }),
  verbose: setting.boolean("verbose", {
    alias: "v",
    negation: "noverbose",
    description: "Does nothing, as in Eventsim."
  }),
  kafkaBrokerList: setting.optionalText("kafkaBrokerList", {
    alias: "k",
    description: "Writes to Kafka at these brokers (as --output kafka --kafka-brokers)."
  }),
  useAvro: setting.boolean("useAvro", { negation: "nouseAvro", description: replaced }),
  generateCounts: setting.boolean("generate-counts", {
    negation: "nogenerate-counts",
    description: replaced
  }),
  generateSimilars: setting.boolean("generate-similars", {
    negation: "nogenerate-similars",
    description: replaced
  })
}

/** Values of `eventsimOptions` and of those that they stand beside. */
export interface EventsimGiven {
  readonly from: number | undefined
  readonly to: number | undefined
  readonly userid: number | undefined
  readonly kafkaBrokerList: string | undefined
  readonly output?: string | undefined
  readonly kafkaBrokers?: string | undefined
  readonly useAvro: boolean
  readonly generateCounts: boolean
  readonly generateSimilars: boolean
  readonly start?: Moment | undefined
  readonly end?: Moment | undefined
  readonly days?: number | undefined
}

/** What to use instead of an option of Eventsim that is none here; undefined: none of them is given. */
export const eventsimInstead = (given: EventsimGiven): string | undefined => {
  if (given.kafkaBrokerList !== undefined && given.kafkaBrokers !== undefined) {
    return "--kafkaBrokerList and --kafka-brokers say the same: give one of them."
  }
  if (given.kafkaBrokerList !== undefined && (given.output ?? "kafka") !== "kafka") {
    return `--kafkaBrokerList writes to Kafka, but --output is ${given.output}: give one of them.`
  }
  if (given.useAvro) {
    return "Avro is no format here (Eventsim's Avro messages are empty). Use --output parquet:DIR for typed columns, or JSON: --output ndjson:DIR --compression zstd."
  }
  if (given.generateCounts) {
    return "No song counts have to be made: --songs reads the Million Song data set itself (a folder or .tar.gz of .h5 files, track_metadata.db, songs.csv) and Eventsim's listen_counts.txt.gz; without it 10,000 songs are generated."
  }
  if (given.generateSimilars) {
    return "Similar songs are not made from downloads here. Give the file that Eventsim made of them: --similar-songs similar_songs.csv.gz."
  }
  if (given.from !== undefined && (given.start !== undefined || given.days !== undefined)) {
    return "--from stands beside --start or --days: give one of them."
  }
  if (given.to !== undefined && given.end !== undefined) return "--to stands beside --end: give one of them."
  return undefined
}

/** Eventsim's options as settings of a simulation. */
export const eventsimSettings = (given: EventsimGiven) => {
  const back = (days: number): Moment => ({ kind: "back", ms: days * dayMs })
  return {
    ...(given.from === undefined ? {} : { start: back(given.from) }),
    ...(given.to === undefined ? {} : { end: back(given.to) }),
    ...(given.userid === undefined ? {} : { firstUserId: given.userid })
  }
}
