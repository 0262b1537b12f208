import { expect, it } from "vitest"
import { rowText } from "./audits.ts"

it("a row that an audit has found names its hours, whether they are numbers or times", () => {
  const hour = Date.UTC(2026, 2, 4, 13)
  expect(rowText({ hour_key: hour / 3_600_000, plays: 3n, state: null })).toBe(
    "hour_key=2026-03-04T13 plays=3 state=NULL"
  )
  expect(rowText({ hour, song_key: 7n, copies: 2n })).toBe("hour=2026-03-04T13 song_key=7 copies=2")
  expect(rowText({ hour: "2026-03-04T13:00:00Z" })).toBe("hour=2026-03-04T13:00:00Z")
})
