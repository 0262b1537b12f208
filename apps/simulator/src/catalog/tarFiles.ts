import { Buffer } from "node:buffer"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

/**
 * Hands the wanted files of a tar archive to `use`, one after the other, each whole in memory; the next is read when
 * `use` is done. Rejects when the archive is cut off or damaged.
 */
export const eachTarFile = async (
  archive: ReadonlyArray<Readable | NodeJS.ReadWriteStream>,
  wanted: (name: string) => boolean,
  use: (name: string, bytes: Uint8Array) => Promise<void>
): Promise<void> => {
  // The default export: bundlers leave out the named ones of a CommonJS package.
  const { default: tar } = await import("tar-stream")
  const extraction = tar.extract()
  extraction.on("entry", ({ name, type }, entry, next) => {
    if (type !== "file" || !wanted(name)) {
      entry.on("end", next)
      entry.resume()
      return
    }
    const chunks: Array<Uint8Array> = []
    entry.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    entry.on("end", () => void use(name, Buffer.concat(chunks)).then(() => next(), next))
  })
  await pipeline([...archive, extraction])
}
