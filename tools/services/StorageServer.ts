import { mkdirSync, readdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { findPorts } from "./findPorts.ts"
import { install } from "./install.ts"
import { startService, type Service } from "./Service.ts"

export interface StorageServerOptions {
  /** Keeps the buckets and the log; what an earlier server left in it is served again. */
  readonly folder: string
  /** A free one by default. */
  readonly port?: number | undefined
  readonly outlives?: boolean
}

/**
 * Removes what a killed server was writing: a file begins under a name with a dot in front, and while one of these is
 * there the server answers every listing with 404.
 */
const removeHalfWritten = (buckets: string): void => {
  for (const entry of readdirSync(buckets, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && entry.name.startsWith(".")) rmSync(join(entry.parentPath, entry.name))
}

/**
 * Starts fake-gcs-server; `address` is its URL. Objects lie as files in `<folder>/buckets`, so that they survive a
 * kill -9. README.md says how it differs from Cloud Storage.
 */
export const startStorageServer = async (options: StorageServerOptions): Promise<Service> => {
  const { storageProgram } = await install(["storage"])
  const folder = resolve(options.folder)
  const port = options.port ?? (await findPorts(1))[0]
  const address = `http://127.0.0.1:${port}`
  const buckets = join(folder, "buckets")
  mkdirSync(buckets, { recursive: true })
  return startService({
    name: "The Cloud Storage server",
    address,
    ports: [port],
    command: storageProgram,
    args: [
      ...["-scheme", "http", "-host", "127.0.0.1", "-port", String(port)],
      // Links to uploads and media carry the address that clients reach it at.
      ...["-external-url", address, "-public-host", `127.0.0.1:${port}`],
      ...["-backend", "filesystem", "-filesystem-root", buckets, "-log-level", "warn"]
    ],
    logFile: join(folder, "storage.log"),
    prepare: () => removeHalfWritten(buckets),
    isReady: async () => {
      try {
        const answer = await fetch(`${address}/_internal/healthcheck`, { signal: AbortSignal.timeout(2000) })
        await answer.arrayBuffer()
        return answer.ok
      } catch {
        return false
      }
    },
    outlives: options.outlives ?? false
  })
}
