import { murmur2 } from "@musify/stream/partitioner.ts"
import { deviceOf } from "../Listeners.ts"
import { putDevice } from "../SessionTexts.ts"
import { keyLength } from "../StreamBuffer.ts"

/** One of `count` parts, by its index from 0. */
export interface Part {
  readonly index: number
  readonly count: number
}

/** Some of the listeners: those of a worker thread, among those of a machine (`--shard`). */
export interface Slice {
  readonly shard: Part
  readonly worker: Part
}

/** All there is, as one part. */
export const wholePart: Part = { index: 0, count: 1 }

/** Reads `i/n`, i from 1 to n; undefined: it is none. */
export const parsePart = (text: string): Part | undefined => {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text)
  if (match === null) return undefined
  const [index, count] = [Number(match[1]) - 1, Number(match[2])]
  return index >= 0 && index < count ? { index, count } : undefined
}

export const partText = ({ count, index }: Part): string => `${index + 1}/${count}`

/** The number of partitions that all topics have; 1 where they differ: then no listener's events are in one of them only. */
const commonPartitions = (partitions: ReadonlyArray<number>): number =>
  partitions.every((n) => n === partitions[0]) ? partitions[0] : 1

/** Partitions that a shard has for itself; 0: more shards than partitions, so that they share them. */
const ownPartitions = (partitions: number, shard: Part): number =>
  shard.count > partitions ? 0 : Math.floor((partitions - 1 - shard.index) / shard.count) + 1

/** Whether each partition's events all come from one worker of the shard, so that nothing is to be merged. */
export const hasWholePartitions = (partitions: ReadonlyArray<number>, { shard, worker }: Slice): boolean =>
  worker.count === 1 || worker.count <= ownPartitions(commonPartitions(partitions), shard)

/** Share of the listeners that a slice has, with some room. */
export const sliceShare = (slice: Slice | undefined): number =>
  slice === undefined ? 1 : Math.min(1, 1.1 / (slice.shard.count * slice.worker.count))

/**
 * Tells which listeners (by number) are of a slice: those of whole partitions where there are enough of them, else by
 * what the partitioner's hash has left. It depends on nothing but the listener's key, so that slices neither overlap nor
 * leave anybody out.
 */
export const makeSliceTest = (
  slice: Slice | undefined,
  seed: number,
  partitions: ReadonlyArray<number>
): ((number: number) => boolean) => {
  if (slice === undefined || slice.shard.count * slice.worker.count === 1) return () => true
  const { shard, worker } = slice
  const common = commonPartitions(partitions)
  const whole = hasWholePartitions(partitions, slice)
  const shardsShare = shard.count > common
  const key = new DataView(new ArrayBuffer(keyLength))
  const bytes = new Uint8Array(key.buffer)
  return (number) => {
    putDevice(key, 0, deviceOf(seed, number))
    const hash = murmur2(bytes) & 0x7fffffff
    const partition = hash % common
    if ((shardsShare ? hash : partition) % shard.count !== shard.index) return false
    const rest = whole
      ? Math.floor(partition / shard.count)
      : Math.floor(hash / (shardsShare ? common * shard.count : common))
    return rest % worker.count === worker.index
  }
}
