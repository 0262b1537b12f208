import { EventLog } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { Effect, Exit, Layer, Scope } from "effect"
import fs from "node:fs/promises"
import http from "node:http"
import os from "node:os"
import path from "node:path"
import { serveDashboard } from "../server.ts"

const unused = Effect.fail(
  new EventLogUnavailable({ message: "not needed by a dashboard", retryable: false })
)

/** A log of two partitions per topic whose ends a test moves: each holds `records` records. */
export const countingLog = (records: { count: number }): Layer.Layer<EventLog> =>
  Layer.succeed(EventLog, {
    partitions: () => Effect.succeed(2),
    range: () => Effect.sync(() => ({ start: 0, end: records.count })),
    append: () => unused,
    read: () => unused,
    join: () => unused,
    commit: () => unused,
    committed: () => unused
  })

/** A dashboard under test, over an empty published folder. */
export interface Serving {
  readonly published: string
  readonly port: number
  readonly url: string
  /** Records per partition of its log. */
  readonly records: { count: number }
  readonly stop: () => Promise<void>
}

/** Serves a dashboard on a free port over a new folder. */
export const startServing = async (): Promise<Serving> => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), "musify-dashboard-"))
  const published = path.join(dir, "published")
  const records = { count: 0 }
  const scope = Effect.runSync(Scope.make())
  const { port } = await Effect.runPromise(
    serveDashboard({ port: 0, host: "127.0.0.1", published }).pipe(
      Effect.provide(countingLog(records)),
      Scope.extend(scope)
    )
  )
  return {
    published,
    port,
    url: `http://127.0.0.1:${port}`,
    records,
    stop: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await fs.rm(dir, { recursive: true, force: true })
    }
  }
}

export interface Got {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** A request with any headers, Host included (fetch does not let one choose it). */
export const request = (
  port: number,
  target: string,
  options: { readonly headers?: http.OutgoingHttpHeaders; readonly method?: string } = {}
): Promise<Got> =>
  new Promise((resolve, reject) => {
    const sent = http.request(
      { host: "127.0.0.1", port, path: target, agent: false, ...options },
      (response) => {
        const chunks: Array<Uint8Array> = []
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk))
        response.on("error", reject)
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: new TextDecoder().decode(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])))
          })
        )
      }
    )
    sent.on("error", reject)
    sent.end()
  })
