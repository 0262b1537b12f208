import { expect, it } from "vitest"
import { usState, usStates } from "./usStates.ts"

it("holds the fifty states and DC on the map, and every other postal code beside it", () => {
  expect(usStates.filter((state) => state.onMap)).toHaveLength(51)
  expect(usStates.filter((state) => !state.onMap).map((state) => state.code)).toEqual(
    "AA AE AP AS FM GU MH MP PR PW VI".split(" ")
  )
})

it("has codes, names and FIPS numbers once each", () => {
  const codes = usStates.map((state) => state.code)
  const fips = usStates.flatMap((state) => state.fips ?? [])
  expect(new Set(codes).size).toBe(codes.length)
  expect(new Set(fips).size).toBe(fips.length)
  expect(new Set(usStates.map((state) => state.name)).size).toBe(codes.length)
  expect(usState("CA")).toEqual({
    code: "CA",
    name: "California",
    regionCode: "US-CA",
    fips: "06",
    onMap: true
  })
  expect(usState("XX")).toBeUndefined()
})
