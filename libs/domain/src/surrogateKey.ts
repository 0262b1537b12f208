import { createHash } from "node:crypto"

/** Part of a natural key. Integers must be safe integers (floats never go into a key: engines print them differently). */
export type KeyPart = string | number | bigint | null

const partText = (part: KeyPart): string => {
  if (part === null) return "\u001f~"
  if (typeof part === "number" && !Number.isSafeInteger(part))
    throw new RangeError(`A surrogate key is made of integers and strings; ${part} is neither.`)
  return `\u001f=${part}`
}

/** The string that is hashed: the kind, then for each part U+001F and "~" for null or "=" and its text. */
export const surrogateKeyText = (kind: string, ...parts: ReadonlyArray<KeyPart>): string => {
  let text = kind
  for (const part of parts) text += partText(part)
  return text
}

/**
 * Key of a dimension row: the first 15 hex digits (60 bits, so never negative) of the MD5 of the natural key's text.
 * MD5 because both SQL engines have it. In DuckDB: `CAST('0x' || substr(md5(text), 1, 15) AS BIGINT)`.
 */
export const surrogateKey = (kind: string, ...parts: ReadonlyArray<KeyPart>): bigint =>
  BigInt(
    `0x${createHash("md5")
      .update(surrogateKeyText(kind, ...parts))
      .digest("hex")
      .slice(0, 15)}`
  )
