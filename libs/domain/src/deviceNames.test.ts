import fs from "node:fs"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { deviceNames, userAgentParser } from "./deviceNames.ts"

const iPhone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like Gecko) Version/7.0 Mobile/11D257 Safari/9537.53"
const windows =
  "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0.1985.143 Safari/537.36"

it("a user agent gives browser, system and form, in Eventsim's quotes, too", () => {
  expect(deviceNames(iPhone)).toEqual({ browser: "Safari", os: "iOS", form: "mobile" })
  for (const text of [windows, `"${windows}"`])
    expect(deviceNames(text)).toEqual({ browser: "Chrome", os: "Windows", form: "desktop" })
})

it("any other text is other, and never empty", () => {
  for (const text of ["", '""', "\u0000", "\ufeff", "my player 1.0"])
    expect(deviceNames(text)).toEqual({ browser: "other", os: "other", form: "other" })
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const name of Object.values(deviceNames(text))) expect(name).not.toBe("")
    })
  )
})

it("the release that is part of the table's version is the one that is installed", () => {
  const own = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  expect(userAgentParser).toBe(`bowser ${own.dependencies["bowser"]}`)
})
