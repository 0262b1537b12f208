import { Command } from "@effect/cli"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { Console, Effect } from "effect"
import { layerExistingLog } from "./existingLog.ts"
import { serveDashboard } from "./server.ts"

/** `--port`, shared with `musify up`. */
export const portOption = setting.integer("port", {
  default: 4300,
  min: 0,
  max: 65535,
  description: "Port of the dashboard; 0 takes any free one."
})

/** `--host`, shared with `musify up`. */
export const hostOption = setting.text("host", {
  default: "127.0.0.1",
  description: "Address that the dashboard listens on. Only this machine can reach the default."
})

/** `musify dashboard`: the page and its API over a data folder. */
export const command = Command.make(
  "dashboard",
  { data: dataOption, port: portOption, host: hostOption, json: jsonOption },
  ({ data, port, host, json }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* openDataFolder(data)
        const { port: taken } = yield* serveDashboard({ port, host, published: folder.published }).pipe(
          Effect.provide(layerExistingLog(folder.log))
        )
        const name = host.includes(":") ? `[${host}]` : host
        const url = `http://${name}:${taken}/`
        yield* Console.log(json ? JSON.stringify({ url, port: taken }) : `Dashboard: ${url}`)
        return yield* Effect.never
      })
    ).pipe(serving)
).pipe(
  Command.withDescription(
    "Serve the dashboard page and its API (described at /docs) over what the batcher has published, until stopped. " +
      "It may be started before anything is published, and goes on answering while the batcher works. " +
      "Examples: musify dashboard --port 8080    musify dashboard --data /srv/musify --host 0.0.0.0"
  )
)
