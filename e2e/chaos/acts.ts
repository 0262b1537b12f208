import { seeded } from "../musify.ts"

/** The programs of the run; each reaches Kafka and the bucket over links of its own. */
export const programs = ["producer", "simulator", "ingestor-1", "ingestor-2", "ingestor-3"] as const
export type ProgramName = (typeof programs)[number]

/** Those that run all the time; the third ingestor only comes and goes. */
export const steadyPrograms = ["producer", "simulator", "ingestor-1", "ingestor-2"] as const
const ingestors = ["ingestor-1", "ingestor-2"] as const

export const servers = ["broker", "storage"] as const
export type ServerName = (typeof servers)[number]

export const linkFaults = ["delay", "throttle", "cut", "reset", "refuse", "drop answer"] as const
export type LinkFault = (typeof linkFaults)[number]

/** What is done to the system. Times in ms. */
export type Act =
  | { readonly kind: "kill program"; readonly who: (typeof steadyPrograms)[number]; readonly downMs: number }
  | { readonly kind: "pause program"; readonly who: (typeof ingestors)[number]; readonly lastsMs: number }
  | { readonly kind: "group storm"; readonly stays: ReadonlyArray<number>; readonly betweenMs: number }
  | { readonly kind: "kill server"; readonly who: ServerName; readonly downMs: number }
  | { readonly kind: "pause server"; readonly who: ServerName; readonly lastsMs: number }
  | {
      readonly kind: LinkFault
      readonly who: ProgramName
      readonly to: "kafka" | "storage"
      readonly lastsMs: number
      /** Delay, ms. */
      readonly delayMs: number
      readonly bytesPerSecond: number
    }

/** An act, and how long nothing is done before it on the same track, ms. */
export interface TimedAct {
  readonly calmMs: number
  readonly act: Act
}

/** After this time the group takes a silent member for dead: as short as Kafka allows, so that it happens often. */
export const sessionMs = 6000
const pastSession: readonly [number, number] = [sessionMs + 2000, sessionMs + 6000]

type Random = () => number
const between = (random: Random, [min, max]: readonly [number, number]) =>
  Math.round(min + random() * (max - min))
const pick = <A>(random: Random, list: ReadonlyArray<A>): A => list[Math.floor(random() * list.length)]

/** Every element once in random order, then again in another: so that a short run has all of them. */
function* decks<A>(random: Random, deck: ReadonlyArray<A>): Generator<A, never> {
  while (true) {
    const rest = [...deck]
    while (rest.length > 0) yield rest.splice(Math.floor(random() * rest.length), 1)[0]
  }
}

function* kills(random: Random): Generator<TimedAct, never> {
  const deck = decks(random, steadyPrograms)
  while (true) {
    const who = deck.next().value
    yield {
      calmMs: between(random, [2000, 9000]),
      act: { kind: "kill program", who, downMs: between(random, [0, 4000]) }
    }
  }
}

function* pauses(random: Random): Generator<TimedAct, never> {
  // Every other pause is short: the member is still one when it goes on.
  for (let n = 0; ; n++) {
    const lastsMs = between(random, n % 2 === 0 ? pastSession : [500, sessionMs - 2000])
    yield {
      calmMs: between(random, [1000, 6000]),
      act: { kind: "pause program", who: pick(random, ingestors), lastsMs }
    }
  }
}

function* storms(random: Random): Generator<TimedAct, never> {
  while (true) {
    const stays = Array.from({ length: between(random, [2, 4]) }, () => between(random, [500, 5000]))
    yield {
      calmMs: between(random, [8000, 25_000]),
      act: { kind: "group storm", stays, betweenMs: between(random, [200, 3000]) }
    }
  }
}

function* serverFaults(random: Random): Generator<TimedAct, never> {
  const deck = decks(
    random,
    servers.flatMap((who) => (["kill server", "pause server"] as const).map((kind) => ({ kind, who })))
  )
  while (true) {
    const { kind, who } = deck.next().value
    const ms = between(random, [500, 5000])
    yield {
      calmMs: between(random, [5000, 13_000]),
      act: kind === "kill server" ? { kind, who, downMs: ms } : { kind, who, lastsMs: ms }
    }
  }
}

/** Where a link's trouble can harm most: before and after the group, and at the bucket. */
const hurtMost: ReadonlyArray<ProgramName> = [...programs, ...ingestors, ...ingestors, "producer"]

function* linkTroubles(random: Random): Generator<TimedAct, never> {
  const deck = decks(random, linkFaults)
  while (true) {
    const kind = deck.next().value
    const who = pick(random, hurtMost)
    yield {
      calmMs: between(random, [100, 2500]),
      act: {
        kind,
        who,
        // Producer and simulator know no bucket.
        to: who.startsWith("ingestor") && random() < 0.6 ? "storage" : "kafka",
        // A cut now and then outlasts the time-outs of clients, and the session.
        lastsMs:
          kind === "cut" && random() < 0.2 ? between(random, pastSession) : between(random, [500, 6000]),
        delayMs: between(random, [20, 800]),
        bytesPerSecond: between(random, [20_000, 400_000])
      }
    }
  }
}

/** Names of the tracks: what is done on one waits for nothing that is done on another. */
export const tracks = { kills, pauses, storms, serverFaults, linkTroubles }
export type Track = keyof typeof tracks

/** All acts of a track, from the seed alone: the same seed does the same in the same order, whatever the machine. */
export const actsOf = (track: Track, seed: number): Generator<TimedAct, never> => {
  const number = Object.keys(tracks).indexOf(track)
  return tracks[track](seeded(seed * 31 + number))
}

/** An act as a line of the progress shows it. */
export const actText = (act: Act): string => {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  switch (act.kind) {
    case "kill program":
    case "kill server":
      return `kill -9 ${act.who}, down for ${seconds(act.downMs)}`
    case "pause program":
    case "pause server":
      return `pause ${act.who} for ${seconds(act.lastsMs)}`
    case "group storm":
      return `group storm: a third ingestor comes and goes ${act.stays.length} times`
    case "delay":
      return `${act.who} to ${act.to}: ${act.delayMs} ms late for ${seconds(act.lastsMs)}`
    case "throttle":
      return `${act.who} to ${act.to}: ${Math.round(act.bytesPerSecond / 1000)} kB/s for ${seconds(act.lastsMs)}`
    case "cut":
      return `${act.who} to ${act.to}: cut for ${seconds(act.lastsMs)}`
    case "refuse":
      return `${act.who} to ${act.to}: refused for ${seconds(act.lastsMs)}`
    case "reset":
      return `${act.who} to ${act.to}: all connections reset`
    case "drop answer":
      return `${act.who} to ${act.to}: answers dropped for ${seconds(act.lastsMs)}`
  }
}
