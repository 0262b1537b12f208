import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import { usStates } from "@musify/domain/usStates.ts"
import type { Logged } from "./logged.ts"
import { byValues, groupBy, least } from "./order.ts"

/** A row of dim_location. Degrees; the smallest (lat, lon) pair seen, so that any order gives the same. */
export interface LocationRow {
  readonly location_key: bigint
  readonly city: string | null
  readonly state: string | null
  readonly zip: string | null
  readonly lat: number | null
  readonly lon: number | null
  readonly state_name: string | null
  readonly region_code: string | null
  readonly on_map: boolean
}

/** Where an event says that its listener is. */
export interface Place {
  readonly city: string | null
  readonly state: string | null
  readonly zip: string | null
  readonly lat: number | null
  readonly lon: number | null
}

/** Key of the place of an event; all parts null is the unknown place. */
export const locationKey = ({ city, state, zip }: Pick<Place, "city" | "state" | "zip">): bigint =>
  surrogateKey("location", city, state, zip)

const nowhere: Place = { city: null, state: null, zip: null, lat: null, lon: null }

const states = new Map(usStates.map((state) => [state.code, state]))

const locationRow = (places: ReadonlyArray<Place>): LocationRow => {
  const { city, state, zip } = places[0]
  const pairs = places.flatMap(({ lat, lon }) => (lat === null || lon === null ? [] : [[lat, lon] as const]))
  const pair = least(
    pairs,
    byValues((one) => one)
  )
  const known = state === null ? undefined : states.get(state)
  return {
    location_key: locationKey(places[0]),
    city,
    state,
    zip,
    lat: pair?.[0] ?? null,
    lon: pair?.[1] ?? null,
    state_name: known?.name ?? null,
    region_code: known?.regionCode ?? null,
    on_map: known?.onMap ?? false
  }
}

/** The rows of dim_location: one per (city, state, zip) of any event, and the unknown place, which is always there. */
export const locationRows = (events: Iterable<Logged>): ReadonlyArray<LocationRow> => {
  const places = [nowhere, ...[...events].map(({ event }): Place => event)]
  return [...groupBy(places, locationKey).values()].map(locationRow)
}
