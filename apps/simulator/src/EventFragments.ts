import type { Cast } from "./Cast.ts"
import type { Model } from "./Model.ts"
import { float32Text, FragmentBuilder } from "./fragments.ts"

/**
 * Every text that an event can hold, with its JSON punctuation, as one array of bytes. Each field is the number of a
 * first fragment, to which the number of the song, state, place … is added. The order of the keys is Eventsim's.
 */
export interface EventFragments {
  readonly bytes: DataView
  readonly starts: Int32Array
  /** `{"artist":…,"song":…,"duration":…,"ts":` */
  readonly listenOfSong: number
  /** `,"artist":…,"song":…,"duration":…` */
  readonly pageOfSong: number
  /** `,"page":…,"auth":…,"method":…,"status":…,"level":…,"itemInSession":` */
  readonly pageOfState: number
  /** `,"auth":…,"level":…,"itemInSession":` */
  readonly listenOfState: number
  /** `,"level":…,"itemInSession":` */
  readonly authOfState: number
  /** Two per place: `,"city":…,"zip":…,"state":…,"userAgent":` and `,"lon":…,"lat":…`. */
  readonly place: number
  readonly userAgent: number
  /** `,"userId":` */
  readonly userId: number
  /** `,"lastName":…` */
  readonly lastName: number
  /** `,"firstName":…,"gender":…,"registration":` */
  readonly firstName: number
  /** `,"tag":…`, or nothing. */
  readonly tag: number
  /** `{"ts":` */
  readonly ts: number
  /** `,"sessionId":` */
  readonly sessionId: number
  /** `}`, with the line's end where one is wanted. */
  readonly end: number
  /** `,"success":…}`, likewise. */
  readonly endOfSuccess: number
  readonly endOfFailure: number
  readonly nothing: number
}

/** Texts that are their own JSON but for the quotes. */
const plainText = /^[ !#-[\]-~]*$/

/** JSON, in which the byte 0x7f never occurs (`putBytes` says why). */
const json = (value: unknown): string => {
  if (typeof value === "string" && plainText.test(value)) return `"${value}"`
  const text = JSON.stringify(value)
  return text.includes("\x7f") ? text.replaceAll("\x7f", "\\u007f") : text
}

/** A double with a decimal point also where it is whole, as Eventsim writes coordinates. */
const doubleText = (value: number): string => (Number.isInteger(value) ? `${value}.0` : json(value))

/** Builds the fragments of a run. `newline`: every event ends in a line feed. */
export const makeEventFragments = (
  cast: Cast,
  model: Model,
  options: { readonly tag: string | undefined; readonly newline: boolean }
): EventFragments => {
  const builder = new FragmentBuilder()
  const end = options.newline ? "}\n" : "}"
  const songs = cast.songs.map(
    (s) => `"artist":${json(s.artist_name)},"song":${json(s.title)},"duration":${float32Text(s.duration)}`
  )
  const numbers = {
    listenOfSong: builder.addAll(songs.map((song) => `{${song},"ts":`)),
    pageOfSong: builder.addAll(songs.map((song) => `,${song}`)),
    pageOfState: builder.addAll(
      model.states.map(
        (s) =>
          `,"page":${json(s.page)},"auth":${json(s.auth)},"method":${json(s.method)},"status":${s.status},"level":${json(s.level)},"itemInSession":`
      )
    ),
    listenOfState: builder.addAll(
      model.states.map((s) => `,"auth":${json(s.auth)},"level":${json(s.level)},"itemInSession":`)
    ),
    authOfState: builder.addAll(model.states.map((s) => `,"level":${json(s.level)},"itemInSession":`)),
    place: builder.addAll(
      cast.places.flatMap(({ value: p }) => [
        `,"city":${json(p.city)},"zip":${json(p.zip)},"state":${json(p.state)},"userAgent":`,
        `,"lon":${doubleText(p.lon)},"lat":${doubleText(p.lat)}`
      ])
    ),
    userAgent: builder.addAll(cast.userAgents.map(({ value }) => json(value))),
    userId: builder.add(`,"userId":`),
    lastName: builder.addAll(cast.lastNames.map(({ value }) => `,"lastName":${json(value)}`)),
    firstName: builder.addAll(
      cast.firstNames.map(
        ({ value }) => `,"firstName":${json(value.name)},"gender":${json(value.gender)},"registration":`
      )
    ),
    tag: builder.add(options.tag === undefined ? "" : `,"tag":${json(options.tag)}`),
    ts: builder.add(`{"ts":`),
    sessionId: builder.add(`,"sessionId":`),
    end: builder.add(end),
    endOfSuccess: builder.add(`,"success":true${end}`),
    endOfFailure: builder.add(`,"success":false${end}`),
    nothing: builder.add("")
  }
  return { ...builder.build(), ...numbers }
}
