import { dayText, type Hour } from "@musify/domain/Hour.ts"
import { Manifest } from "@musify/warehouse/Manifest.ts"
import { publishedChecksum, stampOf } from "@musify/warehouse/verifyPublished.ts"
import { Schema } from "effect"
import { linkSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const versionIn = (published: string): string => readFileSync(join(published, "CURRENT"), "utf8").trim()

/** The file of all users, which is written anew before the manifest is: the users of the copies are more. */
export const publishedUsers = (published: string): string =>
  join(published, versionIn(published), "mart_users.parquet")

/**
 * Lets the version in force have each of a day's files once for every copy of the day, so many days before it, and the
 * users that its file has now.
 */
export const publishCopies = (
  published: string,
  day: Hour,
  days: ReadonlyArray<number>,
  users: number
): void => {
  const version = versionIn(published)
  const file = join(published, version, "manifest.json")
  const manifest = Schema.decodeUnknownSync(Schema.parseJson(Manifest))(readFileSync(file, "utf8"))
  const tables = Object.fromEntries(
    Object.entries(manifest.tables).map(([name, files]) => {
      if (name === "mart_users") {
        const whole = publishedUsers(published)
        const checksum = publishedChecksum(readFileSync(whole))
        const one = { path: "mart_users.parquet", day: null, rows: users, checksum, stamp: stampOf(whole) }
        return [name, [one]]
      }
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
