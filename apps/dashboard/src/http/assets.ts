import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import fs from "node:fs/promises"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { docsFiles } from "./docs.ts"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"

/** A file of the page, ready to be sent. */
export interface Asset {
  readonly contentType: string
  readonly etag: string
  readonly bytes: Uint8Array
  readonly gzip: Uint8Array
  readonly brotli: Uint8Array
}

const asset = (contentType: string, bytes: Uint8Array): Asset => ({
  contentType,
  bytes,
  etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
  gzip: gzipSync(bytes),
  brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
})

/** The page's files: name in a bundle's `page/`, path, type. */
const pageFiles = [
  ["index.html", "/", "text/html; charset=utf-8"],
  ["page.js", "/assets/page.js", "text/javascript; charset=utf-8"],
  ["style.css", "/assets/style.css", "text/css; charset=utf-8"],
  ["icon.svg", "/assets/icon.svg", "image/svg+xml"],
  ["states-albers-10m.json", "/assets/states.json", "application/json"]
] as const

type PageFile = (typeof pageFiles)[number][0]

/** A file of the page from its source; the script is made by esbuild from its TypeScript. */
const fromSource = async (name: PageFile): Promise<Uint8Array> => {
  const source = (file: string) => fileURLToPath(new URL(`../page/${file}`, import.meta.url))
  if (name === "states-albers-10m.json") {
    return fs.readFile(createRequire(import.meta.url).resolve(`us-atlas/${name}`))
  }
  if (name !== "page.js") return fs.readFile(source(name))
  const esbuild = await import("esbuild")
  const options = JSON.parse(await fs.readFile(source("esbuild.json"), "utf8"))
  const result = await esbuild.build({ ...options, entryPoints: [source("main.tsx")], write: false })
  // Without this esbuild's own process lives as long as ours.
  await esbuild.stop()
  return (result.outputFiles as ReadonlyArray<{ readonly contents: Uint8Array }>)[0].contents
}

/** In a bundle the files lie beside the program. */
const fromBundle = (name: PageFile): Promise<Uint8Array> =>
  fs.readFile(fileURLToPath(new URL(`./page/${name}`, import.meta.url)))

const load = async (): Promise<ReadonlyMap<string, Asset>> => {
  const read = import.meta.url.endsWith(".ts") ? fromSource : fromBundle
  const assets = await Promise.all(
    pageFiles.map(async ([name, path, type]) => [path, asset(type, await read(name))] as const)
  )
  return new Map([
    ...assets,
    ...docsFiles().map(([path, type, text]) => [path, asset(type, new TextEncoder().encode(text))] as const)
  ])
}

/** The page's files by path, made once when the server starts (0.2 s). */
export const loadAssets: Effect.Effect<ReadonlyMap<string, Asset>> = Effect.promise(load)

/** Answers a file in the smallest form that the browser takes, or 304. */
export const assetResponse = (
  found: Asset,
  headers: Readonly<Record<string, string | undefined>>
): HttpServerResponse.HttpServerResponse => {
  const common = { etag: found.etag, "cache-control": "no-cache", vary: "accept-encoding" }
  if (headers["if-none-match"] === found.etag)
    return HttpServerResponse.empty({ status: 304, headers: common })
  const accepts = headers["accept-encoding"] ?? ""
  const encoding = accepts.includes("br") ? "br" : accepts.includes("gzip") ? "gzip" : undefined
  const bytes = encoding === "br" ? found.brotli : encoding === "gzip" ? found.gzip : found.bytes
  return HttpServerResponse.uint8Array(bytes, {
    contentType: found.contentType,
    headers: encoding === undefined ? common : { ...common, "content-encoding": encoding }
  })
}
