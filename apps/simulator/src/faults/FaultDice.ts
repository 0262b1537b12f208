import { type Topic, topics } from "@musify/domain/Topic.ts"
import { murmur2 } from "@musify/stream/partitioner.ts"
import { bits, exponential, keyA, keyB, mix32 } from "../random.ts"
import type { damageKinds } from "./damageKinds.ts"
import { kindsFor } from "./damage.ts"
import type { FaultsConfig } from "./FaultsConfig.ts"
import type { FaultKind } from "./Fault.ts"

type RecordFault = Exclude<FaultKind, "clock-skew">

const two32 = 4294967296
/** Streams of randomness of their own, beside those of listeners (from 0) and of joining. */
const firstStream = 0xfffffff0

/**
 * Decides what befalls a record by a hash of (seed, topic, bytes of its value), and a device by a hash of (seed, key):
 * the same whatever batch, partition, process or machine it comes in, and with no memory of what went before.
 */
export class FaultDice {
  private readonly config: FaultsConfig
  private readonly a: Uint32Array
  private readonly b: Uint32Array
  /** What each fault's share adds up to with those before it. */
  private readonly limits: ReadonlyArray<readonly [RecordFault, number]>
  private readonly kinds: Readonly<Record<Topic, ReadonlyArray<(typeof damageKinds)[number]>>>
  private hash = 0
  private stream = 0

  constructor(config: FaultsConfig, seed: number) {
    this.config = config
    this.a = Uint32Array.from({ length: topics.length + 1 }, (_, s) => keyA(seed, firstStream + s))
    this.b = Uint32Array.from({ length: topics.length + 1 }, (_, s) => keyB(seed, firstStream + s))
    const shares = [
      ["duplicate", config.duplicates.share],
      ["late", config.late.share],
      ["out-of-order", config["out-of-order"].share],
      ["malformed", config.malformed.share],
      ["missing-field", config["missing-fields"].share]
    ] as const
    let sum = 0
    this.limits = shares.map(([kind, share]) => [kind, (sum += share) * two32] as const)
    this.kinds = Object.fromEntries(
      topics.map((topic) => [topic, kindsFor(topic, config.malformed.kinds)])
    ) as unknown as FaultDice["kinds"]
  }

  /** What befalls this record, if anything; what is drawn next is about it. `value`: without a line feed. */
  record(topic: number, value: Uint8Array): RecordFault | undefined {
    this.stream = topic
    this.hash = mix32(murmur2(value) ^ this.a[topic])
    const k = this.draw(0)
    for (const [kind, limit] of this.limits) if (k < limit) return kind
    return undefined
  }

  /** Seconds by which the clock of a device is ahead (negative: behind); 0 for most. */
  skew(key: Uint8Array): number {
    const { "at-most": most, share } = this.config["clock-skew"]
    this.stream = topics.length
    this.hash = mix32(murmur2(key) ^ this.a[topics.length])
    if (this.draw(0) >= share * two32) return 0
    const offset = this.whole(1, 1, 2 * most)
    return offset > most ? most - offset : offset
  }

  /** Seconds by which the second copy, or the record itself, comes later. */
  delay(kind: "duplicate" | "late" | "out-of-order"): number {
    const { config } = this
    if (kind === "duplicate") return this.whole(1, 0, config.duplicates["at-most"])
    if (kind === "out-of-order") return this.whole(1, 1, config["out-of-order"]["at-most"])
    const { "at-least": least, "at-most": most, distribution, mean } = config.late.delay
    return distribution === "uniform"
      ? this.whole(1, least, most)
      : Math.min(most, Math.max(1, Math.round(mean * exponential(this.draw(1)))))
  }

  /** How the record is malformed: one of the kinds that its topic can have. */
  damage(topic: Topic): (typeof damageKinds)[number] | undefined {
    return this.pick(this.kinds[topic])
  }

  /** One of the values; undefined when there is none. */
  pick<A>(values: ReadonlyArray<A>): A | undefined {
    return values.length === 0 ? undefined : values[this.whole(1, 0, values.length - 1)]
  }

  /** Uniform in [0, 1). */
  place(): number {
    return this.draw(2) / two32
  }

  private whole(n: number, least: number, most: number): number {
    return least + Math.floor((this.draw(n) * (most - least + 1)) / two32)
  }

  /** 32 random bits: number `n` of this record or device. */
  private draw(n: number): number {
    return bits(this.hash, this.b[this.stream], n)
  }
}
