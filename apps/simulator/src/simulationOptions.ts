import { setting } from "@musify/runtime/setting.ts"
import { faultOptions } from "./faults/resolveFaults.ts"

/** Options that say what is simulated; `up` has them too. Eventsim's names are understood as well. */
export const simulationOptions = {
  days: setting.optionalInteger("days", {
    min: 0,
    description: "The history begins this many full UTC days before today. Default: 14."
  }),
  start: setting.optionalMoment("start", {
    alias: ["s", "start-time"],
    description:
      "Begin of the history, instead of --days: a time (2026-06-01, 2026-06-01T08:00Z; UTC) or a period back from now (30d, P30D)."
  }),
  end: setting.optionalMoment("end", {
    alias: ["e", "end-time"],
    description: "End of the simulation, a time or a period back from now. Default: now."
  }),
  users: setting.optionalInteger("users", {
    min: 1,
    alias: ["n", "nusers"],
    description: "Listeners at the start. Default: the config's, or 10000."
  }),
  seed: setting.optionalInteger("seed", {
    alias: ["r", "randomseed"],
    description: "Seed of all randomness. Default: the config's, or 1."
  }),
  songs: setting.optionalText("songs", {
    description:
      "Song catalog: the Million Song data set's .h5 files (folder or .tar.gz), track_metadata.db or songs.csv, or Eventsim's listen_counts.txt(.gz). Default: 10,000 generated songs."
  }),
  similarSongs: setting.optionalText("similar-songs", {
    description:
      "Eventsim's similar_songs.csv(.gz): after a song that it names, one of its similar songs is played. Default: any song."
  }),
  config: setting.optionalText("config", {
    alias: "c",
    description: "Config file in Eventsim's format. Default: a built-in one."
  }),
  growthRate: setting.optionalNumber("growth-rate", {
    min: 0,
    alias: "g",
    description: "Growth of the number of listeners per year (0.01 = 1 %). Default: the config's."
  }),
  attritionRate: setting.optionalNumber("attrition-rate", {
    min: 0,
    alias: "a",
    description: "Share of listeners that leaves per year. Default: the config's."
  }),
  tag: setting.optionalText("tag", { description: "A/B group, written with every known user." }),
  localTime: setting.boolean("local-time", {
    description: "Daily rhythm and weekends by the listeners' own clocks instead of UTC."
  }),
  eventsimCompatible: setting.boolean("eventsim-compatible", {
    description: "Eventsim's own behaviour where ours differs on purpose (docs/simulator/from-eventsim.md)."
  }),
  ...faultOptions
}
