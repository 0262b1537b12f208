import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { Place, Weighted } from "../Cast.ts"

/** Residents in thousands (2020 census, rounded; for the armed forces' post offices a guess): how often a state is drawn. */
const residents: Readonly<Record<string, number>> = {
  AL: 5024,
  AK: 733,
  AZ: 7152,
  AR: 3012,
  CA: 39538,
  CO: 5774,
  CT: 3606,
  DE: 990,
  DC: 690,
  FL: 21538,
  GA: 10712,
  HI: 1455,
  ID: 1839,
  IL: 12813,
  IN: 6786,
  IA: 3190,
  KS: 2938,
  KY: 4506,
  LA: 4658,
  ME: 1362,
  MD: 6177,
  MA: 7030,
  MI: 10077,
  MN: 5706,
  MS: 2961,
  MO: 6155,
  MT: 1084,
  NE: 1962,
  NV: 3105,
  NH: 1378,
  NJ: 9289,
  NM: 2118,
  NY: 20201,
  NC: 10439,
  ND: 779,
  OH: 11799,
  OK: 3959,
  OR: 4237,
  PA: 13003,
  RI: 1097,
  SC: 5118,
  SD: 887,
  TN: 6911,
  TX: 29146,
  UT: 3272,
  VT: 643,
  VA: 8631,
  WA: 7705,
  WV: 1794,
  WI: 5894,
  WY: 577,
  PR: 3286,
  GU: 154,
  VI: 87,
  AS: 50,
  MP: 47,
  FM: 100,
  MH: 42,
  PW: 18,
  AE: 150,
  AP: 120,
  AA: 15
}

interface ZipCode {
  readonly zip: string
  readonly city: string
  readonly state: string
  readonly latitude: number
  readonly longitude: number
  readonly country: string
}

/**
 * US postal places of the `zipcodes` package, in order of the zip. A state is drawn by its residents; within it a zip
 * by the number of zips its city has, since a city is divided the more the larger it is. Entries without city or
 * coordinates are left out.
 */
export const loadPlaces = (): ReadonlyArray<Weighted<Place>> => (loaded ??= readPlaces())

let loaded: ReadonlyArray<Weighted<Place>> | undefined

/** The package's data, one JSON text in a module: read as such in a fifth of the time that compiling the module takes. */
const readCodes = (): Readonly<Record<string, ZipCode>> => {
  const require = createRequire(import.meta.url)
  const text = readFileSync(require.resolve("zipcodes/lib/codes.js"), "utf8")
  const head = "exports.codes = "
  const from = text.indexOf(head) + head.length
  return JSON.parse(text.slice(from, text.indexOf("};", from) + 1))
}

const readPlaces = (): ReadonlyArray<Weighted<Place>> => {
  const codes = Object.values(readCodes()).filter(
    (z) =>
      z.country === "US" &&
      /^\d{5}$/.test(z.zip) &&
      z.city !== "" &&
      residents[z.state] !== undefined &&
      Number.isFinite(z.latitude) &&
      Number.isFinite(z.longitude) &&
      !(z.latitude === 0 && z.longitude === 0)
  )
  codes.sort((a, b) => (a.zip < b.zip ? -1 : a.zip > b.zip ? 1 : 0))
  const cities = codes.map((z) => `${z.state}|${z.city}`)
  const ofCity = new Map<string, number>()
  for (const city of cities) ofCity.set(city, (ofCity.get(city) ?? 0) + 1)
  const zips = cities.map((city) => ofCity.get(city)!)
  const ofState = new Map<string, number>()
  codes.forEach(({ state }, i) => ofState.set(state, (ofState.get(state) ?? 0) + zips[i]))
  return codes.map(({ city, latitude: lat, longitude: lon, state, zip }, i) => ({
    value: { city, zip, state, lat, lon },
    weight: (residents[state] * zips[i]) / ofState.get(state)!
  }))
}
