import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { Schema } from "effect"
import { Buffer } from "node:buffer"
import type { Cast } from "../Cast.ts"
import { loadCast } from "../cast/loadCast.ts"
import { generateCatalog } from "../catalog/generateCatalog.ts"
import { compileCast } from "../CompiledCast.ts"
import { defaultConfig } from "../defaultConfig.ts"
import { EventsimConfig, type EventsimConfigFile } from "../EventsimConfig.ts"
import { Simulation, type SimulationOptions } from "../Simulation.ts"

const whole = loadCast(generateCatalog(7, 400))
/** A small cast: making the fragments of all places takes longer than most simulations here. */
export const cast: Cast = { ...whole, places: whole.places.filter((_, n) => n % 200 === 0) }

export const configOf = (changes: Partial<EventsimConfigFile> = {}): EventsimConfig =>
  Schema.decodeUnknownSync(EventsimConfig)({ ...defaultConfig, ...changes })

export const monday = Date.UTC(2026, 5, 1)

/** What a small simulation may have of its own. */
export interface SmallOptions extends Partial<Omit<SimulationOptions, "cast">> {
  readonly cast?: Cast
  readonly newline?: boolean | undefined
}

/** A simulation of a few listeners, with what the options change. */
export const smallSimulation = ({
  cast: own = cast,
  config = configOf(),
  newline,
  ...options
}: SmallOptions): Simulation =>
  new Simulation({
    config,
    cast: compileCast(own, config, { newline }),
    users: 200,
    seed: 1,
    start: monday,
    partitions: [1, 1, 1, 1],
    ...options
  })

/** Event lines of a simulation by `topic/partition`, advanced in steps of `budget`. */
export const collect = (
  options: SmallOptions & { readonly days: number; readonly budget?: number }
): Map<string, Array<string>> => {
  const simulation = smallSimulation(options)
  const lines = new Map<string, Array<string>>()
  for (let done = false; !done;) {
    done = simulation.advance((options.start ?? monday) + options.days * 86_400_000, options.budget ?? 5000)
    for (const { topic, partition, records } of simulation.take()) {
      const name = `${topic}/${partition}`
      const list = lines.get(name) ?? []
      lines.set(name, list)
      for (let n = 0; n < records.count; n++) {
        list.push(Buffer.from(bytesAt(records.values, n)!).toString("utf8"))
      }
    }
  }
  return lines
}

export interface AnyEvent {
  readonly ts: number
  readonly sessionId: number
  readonly itemInSession: number
  readonly page: string
  readonly auth: string
  readonly status: number
  readonly level: string
  readonly userId?: number
  readonly registration?: number
  readonly duration?: number
  readonly success?: boolean
}

export const parsed = (lines: Map<string, Array<string>>, topic: Topic): ReadonlyArray<AnyEvent> =>
  (lines.get(`${topic}/0`) ?? []).map((line) => JSON.parse(line) as AnyEvent)

export const partitionsOf = (n: number): ReadonlyArray<number> => topics.map(() => n)
