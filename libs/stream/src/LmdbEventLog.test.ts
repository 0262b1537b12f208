import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { eventLogContract } from "./EventLog.contract.ts"
import { layer } from "./LmdbEventLog.ts"

const logIn = (segmentBytes: number | undefined) => () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-log-"))
  const options = { path: path.join(folder, "log"), partitions: 2 }
  return {
    layer: layer(segmentBytes === undefined ? options : { ...options, segmentBytes }),
    remove: () => fs.rmSync(folder, { recursive: true })
  }
}

eventLogContract("LmdbEventLog", logIn(undefined), { conditionalAppend: "atomic" })
eventLogContract("LmdbEventLog, everything in segments", logIn(0), {
  conditionalAppend: "atomic",
  numRuns: 20
})
eventLogContract("LmdbEventLog, some in segments", logIn(60), { conditionalAppend: "atomic", numRuns: 20 })
