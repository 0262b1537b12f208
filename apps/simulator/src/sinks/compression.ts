import type { Buffer } from "node:buffer"
import { promisify } from "node:util"
import * as zlib from "node:zlib"

/** How files of lines are compressed. */
export const compressions = ["none", "gzip", "zstd"] as const
export type Compression = (typeof compressions)[number]

/** What a compressed file's name ends in. */
export const compressionSuffix: Readonly<Record<Compression, string>> = {
  none: "",
  gzip: ".gz",
  zstd: ".zst"
}

/** Makes one gzip member or zstd frame: files of these end to end are files of that format. */
export type Compressor = (bytes: Buffer) => Promise<Uint8Array>

/** node:zlib has zstd from Node 22.15 on, and in Bun and Deno. */
type ZstdCompress = (bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void) => void

/** The compressor of a format; what it needs is loaded now. */
export const makeCompressor = async (compression: "gzip" | "zstd"): Promise<Compressor> => {
  if (compression === "gzip") return promisify<Buffer, Buffer>(zlib.gzip)
  const { zstdCompress } = zlib as { readonly zstdCompress?: ZstdCompress }
  if (zstdCompress !== undefined) return promisify(zstdCompress) as Compressor
  const { Zstd } = await import("@hpcc-js/wasm-zstd")
  const zstd = await Zstd.load()
  return (bytes) => Promise.resolve(zstd.compress(bytes))
}
