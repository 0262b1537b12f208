/** Headers of one record, in order; names may repeat, values are bytes. */
export type RecordHeaders = ReadonlyArray<readonly [name: string, value: Uint8Array]>

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Headers as bytes, little endian: u32 bytes of the name, name, u32 bytes of the value, value, and so on. */
export const encodeHeaders = (headers: RecordHeaders): Uint8Array => {
  const names = headers.map(([name]) => encoder.encode(name))
  let size = 0
  for (let i = 0; i < headers.length; i++) size += 8 + names[i].length + headers[i][1].length
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  let at = 0
  const put = (part: Uint8Array): void => {
    view.setUint32(at, part.length, true)
    bytes.set(part, at + 4)
    at += 4 + part.length
  }
  for (let i = 0; i < headers.length; i++) {
    put(names[i])
    put(headers[i][1])
  }
  return bytes
}

/** The headers that `encodeHeaders` made these bytes of; values are views of them. */
export const decodeHeaders = (bytes: Uint8Array): RecordHeaders => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headers: Array<readonly [string, Uint8Array]> = []
  let at = 0
  const take = (): Uint8Array => {
    const start = at + 4
    at = start + view.getUint32(at, true)
    return bytes.subarray(start, at)
  }
  while (at < bytes.length) headers.push([decoder.decode(take()), take()])
  return headers
}
