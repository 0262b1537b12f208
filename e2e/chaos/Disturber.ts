import { setTimeout as wait } from "node:timers/promises"
import { type Act, actsOf, actText, type LinkFault, type Track, tracks } from "./acts.ts"
import { fairWeather, type RequestFilter, type TcpProxy, type Weather } from "./TcpProxy.ts"
import { countPlans } from "./countPlans.ts"
import type { World } from "./World.ts"

const requestSizeBytes = 4
const produceKey = 0

/** Answers that matter most: those to puts of objects, and to produce requests of Kafka's protocol. */
const isPut: RequestFilter = (data) => data.subarray(0, 5).toString("latin1") === "POST "
const isAnything: RequestFilter = () => true
const isProduce: RequestFilter = (data) =>
  data.length >= requestSizeBytes + 2 && data.readInt16BE(requestSizeBytes) === produceKey

/** A track waits this long, ms, for records to be brought in since its last act: one on a system at rest shows little. */
const longestRestMs = 15_000
const lookMs = 250
/** Trouble on a link needs no progress: there is much of it, and some of it must fall while others recover. */
const impatient: ReadonlyArray<Track> = ["linkTroubles"]

/** Does to a world what the seed says, on all tracks at once, until it is told to end; then all is well again. */
export class Disturber {
  private readonly world: World
  private readonly say: (line: string) => void
  private readonly over = new AbortController()
  /** Acts that were done, by kind. */
  readonly counts = new Map<Act["kind"], number>()
  private readonly running: ReadonlyArray<Promise<void>>

  constructor(world: World, seed: number, say: (line: string) => void) {
    this.world = world
    this.say = say
    this.running = (Object.keys(tracks) as ReadonlyArray<Track>).map((track) => this.run(track, seed))
  }

  /** Ends all acts, and waits until what they hurt is whole; servers and programs run again. */
  async end(): Promise<void> {
    this.over.abort()
    await Promise.all(this.running)
  }

  /** Waits, but not past the end of the run. */
  private async pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.over.signal }).catch(() => undefined)
  }

  private async untilMorePlans(before: number): Promise<void> {
    for (let waited = 0; waited < longestRestMs && !this.over.signal.aborted; waited += lookMs) {
      if (countPlans(this.world.bucket) > before) return
      await this.pause(lookMs)
    }
  }

  private async run(track: Track, seed: number): Promise<void> {
    const acts = actsOf(track, seed)
    while (true) {
      const { act, calmMs } = acts.next().value
      const before = countPlans(this.world.bucket)
      await this.pause(calmMs)
      if (!impatient.includes(track)) await this.untilMorePlans(before)
      if (this.over.signal.aborted) return
      this.counts.set(act.kind, (this.counts.get(act.kind) ?? 0) + 1)
      this.say(actText(act))
      await this.perform(act)
    }
  }

  private async perform(act: Act): Promise<void> {
    switch (act.kind) {
      case "kill program": {
        const program = this.world.programs[act.who]
        await program.kill()
        await this.pause(act.downMs)
        return program.start()
      }
      case "pause program": {
        const resume = this.world.programs[act.who].pause()
        await this.pause(act.lastsMs)
        return resume()
      }
      case "group storm": {
        const third = this.world.programs["ingestor-3"]
        for (const [n, ms] of act.stays.entries()) {
          if (this.over.signal.aborted) return
          third.start()
          await this.pause(ms)
          // It leaves by itself, or is gone all at once.
          await (n % 2 === 0 ? third.stop() : third.kill())
          await this.pause(act.betweenMs)
        }
        return
      }
      case "kill server": {
        const server = this.world.server(act.who)
        await server.kill()
        await this.pause(act.downMs)
        await server.restart()
        return this.say(`${act.who} is back`)
      }
      case "pause server": {
        const server = this.world.server(act.who)
        await server.pause()
        await this.pause(act.lastsMs)
        return server.resume()
      }
      default:
        return this.trouble(act.kind, act)
    }
  }

  private async trouble(kind: LinkFault, act: Extract<Act, { readonly kind: LinkFault }>): Promise<void> {
    const proxy: TcpProxy = this.world.links[act.who][act.to]
    if (kind === "reset") return void proxy.reset()
    proxy.weather = { ...fairWeather, ...weatherOf(kind, act) }
    if (kind === "refuse") proxy.reset()
    await this.pause(act.lastsMs)
    proxy.weather = fairWeather
  }
}

const weatherOf = (
  kind: Exclude<LinkFault, "reset">,
  { bytesPerSecond, delayMs, to, who }: Extract<Act, { readonly kind: LinkFault }>
): Partial<Weather> => {
  switch (kind) {
    case "delay":
      return { delayMs }
    case "throttle":
      return { bytesPerSecond }
    case "cut":
      return { isCut: true }
    case "refuse":
      return { refuses: true }
    case "drop answer":
      if (to === "storage") return { dropsAnswers: isPut }
      return { dropsAnswers: who.startsWith("ingestor") ? isAnything : isProduce }
  }
}
