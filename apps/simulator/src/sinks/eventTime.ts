import { Buffer } from "node:buffer"

const first = Buffer.from('{"ts":')
const later = Buffer.from(',"ts":')

/**
 * The time (epoch ms) of the event in bytes [from, to) of `data`; NaN when it has none. Within a JSON text a quote is
 * escaped, so that `,"ts":` is always the key.
 */
export const eventTime = (data: Buffer, from: number, to: number): number => {
  let at = from + first.length
  if (data.compare(first, 0, first.length, from, Math.min(at, to)) !== 0) {
    at = data.indexOf(later, from)
    if (at === -1 || at + later.length > to) return Number.NaN
    at += later.length
  }
  let ts = 0
  let digit = data[at] - 48
  if (!(digit >= 0 && digit <= 9)) return Number.NaN
  for (; at < to && digit >= 0 && digit <= 9; digit = data[++at] - 48) ts = ts * 10 + digit
  return ts
}

/** A view of bytes with Buffer's methods; nothing is copied. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
