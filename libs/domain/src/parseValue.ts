import { repeatedKey } from "./repeatedKey.ts"

/** The text of UTF-8 bytes; throws on invalid ones. A byte order mark stays, and is then no JSON. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Keys that a reason names: others may be anything, of any length. */
const plainKey = /^\w{1,64}$/

/** A value's text: `reason` or `object` is set. */
export type Parsed =
  | { readonly object: Record<string, unknown>; readonly reason?: undefined }
  | { readonly object?: undefined; readonly reason: string }

/** Bytes to a JSON object, by the rules that come before any field: what the Schema decoder is given. */
export const parseValue = (value: Uint8Array | null, maxBytes: number): Parsed => {
  if (value === null) return { reason: "null value" }
  if (value.length > maxBytes) return { reason: `too large: ${value.length} bytes, at most ${maxBytes}` }
  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    return { reason: "invalid UTF-8" }
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { reason: "invalid JSON" }
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return { reason: "not an object" }
  const repeated = repeatedKey(text, json)
  if (repeated !== undefined)
    return { reason: plainKey.test(repeated) ? `duplicate key: ${repeated}` : "duplicate key" }
  return { object: json as Record<string, unknown> }
}
