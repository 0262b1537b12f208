import { Buffer } from "node:buffer"
import type { ObjectEntry, ObjectMetadata } from "@musify/lake/ObjectStore.ts"
import type { Dice } from "./Dice.ts"
import type { StoreChange } from "@musify/lake/testing/Lake.ts"
import type { Timeline } from "./Timeline.ts"

interface StoredObject {
  readonly bytes: Uint8Array
  readonly metadata: ObjectMetadata
  /** When lists begin to show it, epoch ms. */
  readonly listedFrom: number
}

/**
 * The bucket of a run: puts are atomic and happen only where nothing is, reads are consistent, as in Cloud Storage and
 * in a local folder. Lists are weaker than those of either (Cloud Storage's are consistent, a folder's are no snapshot):
 * each object may stay out of them for half a minute, later ones being shown before earlier ones. The protocol may not
 * depend on more.
 */
export class SimulatedStore {
  private readonly objects: Map<string, StoredObject> = new Map()
  private readonly timeline: Timeline
  private readonly dice: Dice
  private readonly keepsMetadata: boolean
  private readonly onChange: (change: StoreChange) => void

  constructor(
    keepsMetadata: boolean,
    timeline: Timeline,
    dice: Dice,
    onChange: (change: StoreChange) => void
  ) {
    this.keepsMetadata = keepsMetadata
    this.timeline = timeline
    this.dice = dice
    this.onChange = onChange
  }

  /** `decoder`: version of the decoder of who puts it. */
  putIfAbsent(
    name: string,
    bytes: Uint8Array,
    metadata: ObjectMetadata,
    decoder: number
  ): "created" | "exists" {
    if (this.objects.has(name)) return "exists"
    this.write(name, bytes, metadata, decoder)
    return "created"
  }

  private write(name: string, bytes: Uint8Array, metadata: ObjectMetadata, decoder: number): void {
    const isLate = this.dice.chance(20)
    const listedFrom = this.timeline.now + (isLate ? this.dice.below(30_000) : 0)
    const kind = this.objects.has(name) ? "overwritten" : "created"
    this.objects.set(name, { bytes, metadata: this.keepsMetadata ? metadata : {}, listedFrom })
    this.onChange(kind === "created" ? { kind, name, bytes, decoder } : { kind, name })
  }

  metadata(name: string): ObjectMetadata | undefined {
    return this.objects.get(name)?.metadata
  }

  get(name: string): Uint8Array | undefined {
    return this.objects.get(name)?.bytes
  }

  remove(name: string): void {
    if (this.objects.delete(name)) this.onChange({ kind: "removed", name })
  }

  list(
    prefix: string,
    options: { readonly startAt?: string; readonly limit?: number } = {}
  ): ReadonlyArray<ObjectEntry> {
    const found: Array<ObjectEntry> = []
    for (const [name, { bytes, listedFrom }] of this.objects)
      if (
        listedFrom <= this.timeline.now &&
        name.startsWith(prefix) &&
        compare(name, options.startAt ?? "") >= 0
      )
        found.push({ name, size: bytes.length })
    return found.sort((a, b) => compare(a.name, b.name)).slice(0, options.limit ?? found.length)
  }
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
