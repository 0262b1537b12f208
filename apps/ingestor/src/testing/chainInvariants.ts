import type { Topic } from "@musify/domain/Topic.ts"
import type { LakeChange } from "@musify/lake/testing/Lake.ts"
import { Lake } from "@musify/lake/testing/Lake.ts"
import { lakeInvariants } from "@musify/lake/testing/lakeInvariants.ts"

/** What a bucket holds, by name. */
export type Objects = ReadonlyMap<string, Uint8Array>

/** Answers what contradicts an invariant. */
export type Violations = ReadonlyArray<string>

const mostPartitions = 16

/** `<root>/<topic>/…`: the topic of an object, and where it comes in its chain: plan, files, seal. */
const placeOf = (name: string): { readonly topic: string; readonly order: number } => {
  const [root, topic, partition, ...rest] = name.split("/")
  if (root === "log") {
    const [seq, kind] = (rest[0] ?? "").split(".")
    return { topic, order: Number(partition) * 1e6 + Number(seq) + (kind === "plan" ? 0 : 0.6) }
  }
  const [of, seq] = (rest.at(-1) ?? "").split("-")
  return { topic, order: Number(of) * 1e6 + Number(seq) + 0.3 }
}

/** The topic's objects in the order in which a writer without faults puts them, as changes of an empty bucket. */
const follow = (objects: Objects, topic: Topic, at: (change: LakeChange) => void): Lake => {
  const lake = new Lake(mostPartitions)
  const names = [...objects.keys()].filter((name) => placeOf(name).topic === topic)
  names.sort((a, b) => placeOf(a).order - placeOf(b).order)
  for (const name of names) {
    const change = lake.understand({ kind: "created", name, bytes: objects.get(name)!, decoder: undefined })
    at(change)
    lake.apply(change)
  }
  return lake
}

/** All that must hold of a bucket at any moment, looked at as it is now. */
export const atAnyMoment = (objects: Objects, topic: Topic): Violations => {
  const found: Array<string> = []
  follow(objects, topic, (change) => {
    for (const holds of Object.values(lakeInvariants)) {
      const contradiction = holds(change)
      if (contradiction !== undefined) found.push(contradiction)
    }
  })
  return found
}

/** In the end each record that the log acknowledged is there, and nothing else. */
export const everyOffset = (objects: Objects, topic: Topic, offsets: ReadonlyArray<number>): Violations => {
  const { chains } = follow(objects, topic, () => {})
  const stored = chains.flatMap(({ files }) =>
    [...files.values()].flatMap((rows) => rows.map(({ offset }) => offset))
  )
  stored.sort((a, b) => a - b)
  return stored.length === offsets.length && stored.every((offset, i) => offset === offsets[i])
    ? []
    : [
        `the log holds ${offsets.length} records, the lake ${stored.length}: ${JSON.stringify({ offsets, stored })}`
      ]
}
