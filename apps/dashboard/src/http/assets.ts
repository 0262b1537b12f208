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

const pageFile = (name: string): string => fileURLToPath(new URL(`../page/${name}`, import.meta.url))

/** The page's script as one file, made by esbuild from its TypeScript. */
const bundle = async (): Promise<Uint8Array> => {
  const esbuild = await import("esbuild")
  const result = await esbuild.build({
    entryPoints: [pageFile("main.tsx")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent"
  })
  // Without this esbuild's own process lives as long as ours.
  await esbuild.stop()
  return result.outputFiles[0].contents
}

const require = createRequire(import.meta.url)

const load = async (): Promise<ReadonlyMap<string, Asset>> => {
  const [script, html, css, icon, map] = await Promise.all([
    bundle(),
    fs.readFile(pageFile("index.html")),
    fs.readFile(pageFile("style.css")),
    fs.readFile(pageFile("icon.svg")),
    fs.readFile(require.resolve("us-atlas/states-albers-10m.json"))
  ])
  return new Map([
    ["/", asset("text/html; charset=utf-8", html)],
    ["/assets/page.js", asset("text/javascript; charset=utf-8", script)],
    ["/assets/style.css", asset("text/css; charset=utf-8", css)],
    ["/assets/icon.svg", asset("image/svg+xml", icon)],
    ["/assets/states.json", asset("application/json", map)],
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
