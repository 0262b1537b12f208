import { Buffer } from "node:buffer"
import type { Logged } from "./logged.ts"

/** Negative, zero or positive, as `Array.sort` takes it. */
export type Compare<A> = (a: A, b: A) => number

/** A value of a column. */
export type Value = string | number | bigint | boolean | null

/** Strings by their UTF-8 bytes (JavaScript's own order differs beyond U+FFFF). */
export const byBytes: Compare<string> = (a, b) => (a === b ? 0 : Buffer.from(a).compare(Buffer.from(b)))

/** The order of SQL's `ORDER BY column ASC NULLS LAST`: false before true, numbers by size, strings by bytes. */
export const byValue: Compare<Value> = (a, b) => {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  if (typeof a === "string" && typeof b === "string") return byBytes(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

/** Compares by each value in turn, like the columns of an ORDER BY. */
export const byValues = <A>(values: (one: A) => ReadonlyArray<Value>): Compare<A> => {
  return (a, b) => {
    const left = values(a)
    const right = values(b)
    for (let i = 0; i < left.length; i++) {
      const order = byValue(left[i], right[i])
      if (order !== 0) return order
    }
    return 0
  }
}

/**
 * The order of events wherever one follows another: (ts, session, item, topic by name, user). Total over events without
 * second copies, because these are their natural key.
 */
export const byTime: Compare<Logged> = byValues(({ topic, event }) => [
  event.ts,
  event.sessionId,
  event.itemInSession,
  topic,
  event.userId
])

/** The least element, by the given order, of a sequence that is not empty. */
export const least = <A>(all: Iterable<A>, compare: Compare<A>): A | undefined => {
  let best: A | undefined
  for (const one of all) if (best === undefined || compare(one, best) < 0) best = one
  return best
}

/** Groups by key, in order of first appearance. */
export const groupBy = <A, K>(all: Iterable<A>, key: (one: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const one of all) {
    const k = key(one)
    const group = groups.get(k)
    if (group === undefined) groups.set(k, [one])
    else group.push(one)
  }
  return groups
}
