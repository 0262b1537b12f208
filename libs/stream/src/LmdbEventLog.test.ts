import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { eventLogContract } from "./EventLog.contract.ts"
import { layer } from "./LmdbEventLog.ts"

const make = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-log-"))
  return {
    layer: layer({ path: path.join(folder, "log"), partitions: 2 }),
    remove: () => fs.rmSync(folder, { recursive: true })
  }
}

eventLogContract("LmdbEventLog", make, { conditionalAppend: "atomic" })
