import { mkdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import process from "node:process"
import type { Replacement } from "./bundleModule.ts"
import { bundleModule } from "./bundleModule.ts"
import type { WorkerData } from "./worker.ts"
import { decoderOf } from "./Writer.ts"

/** The release that takes over: the same source, but for the version of its decoder. */
const otherDecoder: Replacement = {
  module: "libs/domain/src/Decoder.ts",
  find: `export const decoderVersion = ${decoderOf(1)}`,
  replace: `export const decoderVersion = ${decoderOf(2)}`
}

/**
 * Data files have only the columns by which the invariants tell a record: encoding and reading the others is a fifth of
 * all work, and says nothing of the protocol. What a file is (`FileIdentity`) hangs on the records, not on its columns.
 */
const fewColumns: Replacement = {
  module: "libs/lake/src/LakeParquet.ts",
  find: "values: c < fields ? () => pickColumn(c, picked) : position[c - fields]\n    })),",
  replace: `values: c < fields ? () => pickColumn(c, picked) : position[c - fields]
    })).filter(({ column: { name } }) => name === "sessionId" || name.startsWith("_")),`
}

export interface Bundles extends WorkerData {
  /** Path of the worker's program. */
  readonly worker: string
  readonly remove: () => void
}

/**
 * Bundles the simulation and both releases of the ingestor, with some text replaced: in the simulation if it is the
 * simulation's, else in the releases, so that what judges is never changed together with what is judged.
 */
export const makeBundles = async (
  name: string,
  replacements: ReadonlyArray<Replacement>
): Promise<Bundles> => {
  const folder = resolve(`node_modules/.cache/musify/simulation-${process.pid}-${name}`)
  mkdirSync(folder, { recursive: true })
  const own = replacements.filter(({ module }) => module.startsWith("e2e/"))
  const theirs = replacements.filter(({ module }) => !module.startsWith("e2e/"))
  const worker = join(folder, "worker.mjs")
  const releases = [join(folder, "first.mjs"), join(folder, "second.mjs")] as const
  await Promise.all([
    bundleModule("e2e/simulation/worker.ts", worker, own),
    bundleModule("apps/ingestor/src/ingest.ts", releases[0], [...theirs, fewColumns]),
    bundleModule("apps/ingestor/src/ingest.ts", releases[1], [...theirs, fewColumns, otherDecoder])
  ])
  return { worker, releases, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
