import { columnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { DamageKind } from "./damageKinds.ts"
import { findField, withoutField, withValue } from "./jsonText.ts"

/**
 * What becomes of a record's value. Values are texts of one character per byte ("latin1"), so that whatever is not
 * touched keeps its bytes; null is a record without value.
 */
export interface Damage {
  readonly value: string | null
  /** How the reason of its dead letter begins; undefined when the pipeline takes the event as it is. */
  readonly reason: string | undefined
}

interface Kind {
  /** As `Damage.reason`. */
  readonly reason: string | undefined
  /** `place`: where, for a kind that has a choice; uniform in [0, 1). */
  readonly apply: (json: string, place: number) => string | null
  /** A field without which the kind cannot be. */
  readonly needs?: string
}

const hundredYears = 36_525 * 86_400_000
/** Beyond the largest value that the pipeline takes by default, 1 MiB. */
const oversizedBytes = 1024 * 1024 + 1

const isContinuation = (json: string, at: number): boolean => (json.charCodeAt(at) & 0xc0) === 0x80

/** A proper beginning of the text, of at least its brace, that does not cut a character of UTF-8 in two. */
const cutOff = (json: string, place: number): string => {
  let at = 1 + Math.floor(place * (json.length - 1))
  while (isContinuation(json, at)) at--
  return json.slice(0, at)
}

const kinds: Readonly<Record<DamageKind, Kind>> = {
  "cut-off": { reason: "invalid JSON", apply: cutOff },
  "not-a-number": {
    reason: "invalid JSON",
    apply: (json) => withValue(json, "itemInSession", () => "NaN")
  },
  "byte-order-mark": { reason: "invalid JSON", apply: (json) => `\xef\xbb\xbf${json}` },
  empty: { reason: "invalid JSON", apply: () => "" },
  null: { reason: "null value", apply: () => null },
  "invalid-utf8": {
    reason: "invalid UTF-8",
    apply: (json) => withValue(json, "userAgent", (value) => `"\xff${value.slice(1)}`)
  },
  "not-an-object": { reason: "not an object", apply: (json) => `[${json}]` },
  "wrong-type": {
    reason: "wrong type: sessionId",
    apply: (json) => withValue(json, "sessionId", (value) => `"${value}"`)
  },
  "null-field": {
    reason: "wrong type: level",
    apply: (json) => withValue(json, "level", () => "null")
  },
  "lone-surrogate": {
    reason: "invalid text: userAgent",
    apply: (json) => withValue(json, "userAgent", (value) => `"\\ud800${value.slice(1)}`)
  },
  "ts-text": {
    reason: "wrong type: ts",
    apply: (json) => withValue(json, "ts", (value) => `"${new Date(Number(value)).toISOString()}"`)
  },
  "ts-seconds": {
    reason: "out of range: ts",
    apply: (json) => withValue(json, "ts", (value) => String(Math.floor(Number(value) / 1000)))
  },
  "far-future": {
    reason: "out of range: ts",
    apply: (json) => withValue(json, "ts", (value) => String(Number(value) + hundredYears))
  },
  "beyond-int64": {
    reason: "out of range: sessionId",
    apply: (json) => withValue(json, "sessionId", () => "9223372036854775808")
  },
  "unknown-level": {
    reason: "out of range: level",
    apply: (json) => withValue(json, "level", () => '"premium"')
  },
  oversized: {
    reason: "too large",
    apply: (json) => {
      const padding = `,"padding":""}`.length - 1
      return `${json.slice(0, -1)},"padding":"${" ".repeat(Math.max(0, oversizedBytes - json.length - padding))}"}`
    }
  },
  "unknown-page": {
    reason: undefined,
    apply: (json) => withValue(json, "page", () => '"Podcasts"'),
    needs: "page"
  },
  "unknown-field": { reason: undefined, apply: (json) => `${json.slice(0, -1)},"playbackRate":1.25}` }
}

/** The kinds among `wanted` that events of a topic can have. */
export const kindsFor = (topic: Topic, wanted: ReadonlyArray<DamageKind>): ReadonlyArray<DamageKind> =>
  wanted.filter((kind) => {
    const { needs } = kinds[kind]
    return needs === undefined || columnsOf(topic).some(({ name }) => name === needs)
  })

/** Damages the value of a record. `place`: uniform in [0, 1). */
export const damage = (kind: DamageKind, json: string, place: number): Damage => ({
  value: kinds[kind].apply(json, place),
  reason: kinds[kind].reason
})

/** Fields that can be left out; those without which an event is malformed, and others that the pipeline takes for null. */
export const removableFields = [
  "ts",
  "sessionId",
  "itemInSession",
  "level",
  "userId",
  "registration",
  "zip",
  "userAgent",
  "artist",
  "page",
  "success"
] as const
export type RemovableField = (typeof removableFields)[number]

/** The fields among `wanted` that this event has. */
export const fieldsIn = (
  json: string,
  wanted: ReadonlyArray<RemovableField>
): ReadonlyArray<RemovableField> => wanted.filter((name) => findField(json, name) !== undefined)

/** Leaves a field out that the event has. */
export const dropField = (topic: Topic, json: string, name: RemovableField): Damage => {
  const place = findField(json, name)
  const required = columnsOf(topic).some((column) => column.name === name && !column.nullable)
  return {
    value: place === undefined ? json : withoutField(json, place),
    reason: required ? `missing: ${name}` : undefined
  }
}
