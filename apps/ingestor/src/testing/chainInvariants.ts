import { Buffer } from "node:buffer"
import type { Topic } from "@musify/domain/Topic.ts"
import { deadLetterPrefix, lakePrefix, planName, sealName } from "@musify/lake/objectNames.ts"
import { readParquetRows } from "@musify/lake/parquetFile.ts"
import type { Plan } from "@musify/lake/Plan.ts"

/** What a bucket holds, by name. */
export type Objects = ReadonlyMap<string, Uint8Array>

// Objects never change, so each is read once, however often it is looked at.
const known = new WeakMap<Uint8Array, ReadonlyArray<number>>()

const offsetsOf = async (name: string, bytes: Uint8Array): Promise<ReadonlyArray<number>> => {
  const offsets = known.get(bytes) ?? (await readParquetRows(name, bytes)).map((row) => Number(row._offset))
  known.set(bytes, offsets)
  return offsets
}

const dataFiles = (objects: Objects, topic: Topic): ReadonlyArray<readonly [string, Uint8Array]> =>
  [...objects].filter(
    ([name]) => name.startsWith(lakePrefix(topic)) || name.startsWith(deadLetterPrefix(topic))
  )

const plansOf = (objects: Objects, topic: Topic, partition: number): ReadonlyArray<Plan> => {
  const plans: Array<Plan> = []
  for (;;) {
    const bytes = objects.get(planName(topic, partition, plans.length))
    if (bytes === undefined) return plans
    plans.push(JSON.parse(Buffer.from(bytes).toString("utf8")) as Plan)
  }
}

/** An invariant answers what contradicts it. */
export type Violations = ReadonlyArray<string>

/** Whoever globs the lake and the dead letters, at any moment, sees no offset twice. */
export const noOffsetTwice = async (objects: Objects, topic: Topic): Promise<Violations> => {
  const seen = new Map<number, string>()
  const found: Array<string> = []
  for (const [name, bytes] of dataFiles(objects, topic))
    for (const offset of await offsetsOf(name, bytes)) {
      const other = seen.get(offset)
      if (other !== undefined) found.push(`offset ${offset} is in ${other} and in ${name}`)
      seen.set(offset, name)
    }
  return found
}

/** At any moment each plan begins where the one before it ends. */
export const noGap = (objects: Objects, topic: Topic): Violations => {
  const plans = plansOf(objects, topic, 0)
  return plans.flatMap((plan, seq) =>
    seq > 0 && plan.start !== plans[seq - 1].end
      ? [`plan ${seq} starts at ${plan.start}, plan ${seq - 1} ends at ${plans[seq - 1].end}`]
      : []
  )
}

/** At any moment all files of a closed plan (sealed, or followed by another) are there, with its rows. */
export const closedIsComplete = async (objects: Objects, topic: Topic): Promise<Violations> => {
  const plans = plansOf(objects, topic, 0)
  const found: Array<string> = []
  for (const [seq, plan] of plans.entries()) {
    if (seq === plans.length - 1 && !objects.has(sealName(topic, 0, seq))) continue
    for (const { path, rows } of [...plan.files, ...plan.deadLetters]) {
      const bytes = objects.get(path)
      const stored = bytes === undefined ? "none" : (await offsetsOf(path, bytes)).length
      if (stored !== rows) found.push(`closed plan ${seq}: ${path} has ${stored} rows, not ${rows}`)
    }
  }
  return found
}

/** At any moment each file is one of a plan's: nothing is written before its plan. */
export const noFileWithoutPlan = (objects: Objects, topic: Topic): Violations => {
  const planned = new Set(
    plansOf(objects, topic, 0).flatMap(({ deadLetters, files }) =>
      [...files, ...deadLetters].map(({ path }) => path)
    )
  )
  return dataFiles(objects, topic).flatMap(([name]) => (planned.has(name) ? [] : [`${name} is in no plan`]))
}

/** In the end each record that the log acknowledged is there, and nothing else. */
export const everyOffset = async (
  objects: Objects,
  topic: Topic,
  offsets: ReadonlyArray<number>
): Promise<Violations> => {
  const stored: Array<number> = []
  for (const [name, bytes] of dataFiles(objects, topic)) stored.push(...(await offsetsOf(name, bytes)))
  stored.sort((a, b) => a - b)
  return stored.length === offsets.length && stored.every((offset, i) => offset === offsets[i])
    ? []
    : [
        `the log holds ${offsets.length} records, the lake ${stored.length}: ${JSON.stringify({ offsets, stored })}`
      ]
}

/** All that must hold at any moment. */
export const atAnyMoment = async (objects: Objects, topic: Topic): Promise<Violations> => [
  ...(await noOffsetTwice(objects, topic)),
  ...noGap(objects, topic),
  ...(await closedIsComplete(objects, topic)),
  ...noFileWithoutPlan(objects, topic)
]
