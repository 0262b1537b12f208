const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/** Where the string that begins at `start` ends: the index of its closing quote. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return end
  }
}

/** Calls `visit` with the place of each key of an object's own level: [start, end) with its quotes. */
const forEachKey = (text: string, visit: (start: number, end: number) => void): void => {
  let depth = 0
  let start = 0
  let end = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === quote) {
      start = i
      i = endOfString(text, i)
      end = i + 1
    } else if (code === openBrace || code === openBracket) depth++
    else if (code === closeBrace || code === closeBracket) depth--
    else if (code === colon && depth === 1) visit(start, end)
  }
}

/**
 * A key that `text`, the valid JSON of `object`, has twice at its own level, else undefined. JSON.parse takes the last of
 * them, other readers the first.
 */
export const repeatedKey = (text: string, object: object): string | undefined => {
  let members = 0
  forEachKey(text, () => members++)
  if (members === Object.keys(object).length) return undefined
  const met = new Set<string>()
  let repeated: string | undefined
  forEachKey(text, (start, end) => {
    const key = JSON.parse(text.slice(start, end)) as string
    if (met.has(key)) repeated ??= key
    met.add(key)
  })
  return repeated
}
