import { dayText, type Hour } from "@musify/domain/Hour.ts"
import { Manifest } from "@musify/warehouse/Manifest.ts"
import { stampOf } from "@musify/warehouse/verifyPublished.ts"
import { Schema } from "effect"
import { linkSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Lets the version in force have each of a day's files once for every copy of the day, so many days before it. */
export const publishCopies = (published: string, day: Hour, days: ReadonlyArray<number>): void => {
  const version = readFileSync(join(published, "CURRENT"), "utf8").trim()
  const file = join(published, version, "manifest.json")
  const manifest = Schema.decodeUnknownSync(Schema.parseJson(Manifest))(readFileSync(file, "utf8"))
  const tables = Object.fromEntries(
    Object.entries(manifest.tables).map(([name, files]) => {
      const source = files.find((one) => one.day === dayText(day) && one.hour === undefined)
      const copies =
        source === undefined
          ? []
          : days.map((d) => {
              const text = dayText(day - d * 24)
              const path = `${name}/${text}.parquet`
              linkSync(join(published, version, source.path), join(published, version, path))
              return { ...source, path, day: text }
            })
      // Files of a data folder that was copied have other times of change than those that the manifest tells.
      const all = [...copies, ...files].map((one) => ({
        ...one,
        stamp: stampOf(join(published, version, one.path))
      }))
      return [name, all.sort((a, b) => ((a.day ?? "") < (b.day ?? "") ? -1 : 1))]
    })
  )
  writeFileSync(file, JSON.stringify(Schema.encodeSync(Manifest)({ ...manifest, tables })))
}
