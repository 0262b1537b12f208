import { Buffer } from "node:buffer"
import * as zlib from "node:zlib"
import type { KafkaCompression } from "./KafkaSettings.ts"
import { unpackLz4 } from "./lz4.ts"
import { unpackSnappy } from "./snappy.ts"

/** Kafka's numbers. All are read, since other producers choose for themselves; none, gzip and zstd are written. */
const [gzip, snappy, lz4, zstd] = [1, 2, 3, 4]

/** node:zlib has zstd from Node 22.15 on, and in Bun and Deno. */
interface NodeZstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array
  readonly zstdDecompressSync?: (bytes: Uint8Array) => Buffer
}

let { zstdCompressSync: packZstd, zstdDecompressSync: unpackZstd } = zlib as NodeZstd

/**
 * Makes zstd ready, for which Node 20 has nothing of its own; before any other use of this file. What packs it, a
 * WebAssembly module, is loaded where the compression to write with is zstd.
 */
export const loadCompression = async (writing: KafkaCompression): Promise<void> => {
  if (unpackZstd === undefined) {
    const { decompress } = await import("fzstd")
    // That of the WebAssembly module takes thirty times as long.
    unpackZstd = (bytes) => {
      const { buffer, byteLength, byteOffset } = decompress(bytes)
      return Buffer.from(buffer, byteOffset, byteLength)
    }
  }
  if (packZstd === undefined && writing === "zstd") {
    const { Zstd } = await import("@hpcc-js/wasm-zstd")
    const module = await Zstd.load()
    packZstd = (bytes) => module.compress(bytes)
  }
}

const loaded = <F>(codec: F | undefined): F => {
  if (codec === undefined) throw new Error("loadCompression has not been called for zstd")
  return codec
}

/** Kafka's number of the compression, and the packed bytes; undefined: as they are. */
export const compress = (
  compression: KafkaCompression,
  bytes: Buffer
): readonly [code: number, packed: Uint8Array | undefined] => {
  switch (compression) {
    case "none":
      return [0, undefined]
    case "gzip":
      return [gzip, zlib.gzipSync(bytes, { level: 1 })]
    case "zstd":
      return [zstd, loaded(packZstd)(bytes)]
  }
}

/** Unpacks what was packed with Kafka's compression `code`. Throws when the bytes are damaged or the code is unknown. */
export const decompress = (code: number, bytes: Buffer): Buffer => {
  switch (code) {
    case 0:
      return bytes
    case gzip:
      return zlib.gunzipSync(bytes)
    case snappy:
      return unpackSnappy(bytes)
    case lz4:
      return unpackLz4(bytes)
    case zstd:
      return loaded(unpackZstd)(bytes)
    default:
      throw new RangeError(`there is no compression ${code}`)
  }
}
