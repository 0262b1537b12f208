import { Schema } from "effect"
import {
  booleanField,
  choiceField,
  floatField,
  int32Field,
  int64Field,
  maxDuration,
  nullableFloat,
  nullableText,
  nullableTime,
  nullableUserId,
  nullableZip,
  textField,
  ts
} from "./fields.ts"
import type { Topic } from "./Topic.ts"

/**
 * The four events, each said once. The encoded side is the JSON that a producer writes (Eventsim's names; tolerant of
 * what Eventsim really writes), the type side is the row: the same names, absent and null both null, ids as numbers.
 * Field order is the order of the lake's columns.
 */
const head = {
  ts,
  sessionId: int64Field("Session, counted over all listeners"),
  itemInSession: int32Field("Place of the event in its session, from 0"),
  level: choiceField(["free", "paid"], "Level of the listener when the event happened")
}

const auth = textField("Guest, Logged In, Logged Out or Cancelled; free text")

const listener = {
  userId: nullableUserId("Null for guests and logged-out sessions"),
  firstName: nullableText("With userId"),
  lastName: nullableText("With userId"),
  gender: nullableText("With userId: M or F; free text"),
  registration: nullableTime("With userId: when the listener registered, epoch ms"),
  city: nullableText("City of the zip"),
  state: nullableText("Two-letter state code"),
  zip: nullableZip("US postal code; leading zeros count"),
  lat: nullableFloat(-90, 90, "Degrees north"),
  lon: nullableFloat(-180, 180, "Degrees east"),
  userAgent: nullableText("Browser, as sent")
}

const tag = nullableText("A/B group")

/** A song starts to play. */
export const ListenEvent = Schema.Struct({
  ...head,
  auth,
  ...listener,
  artist: textField("Name of the artist, as the producer spells it"),
  song: textField("Title, as the producer spells it"),
  duration: floatField(0, maxDuration, "Length of the song, seconds"),
  tag
}).annotations({ identifier: "ListenEvent" })
export type ListenEvent = typeof ListenEvent.Type

/** Any page is shown; NextSong pages name the song. */
export const PageViewEvent = Schema.Struct({
  ...head,
  auth,
  ...listener,
  artist: nullableText("On NextSong"),
  song: nullableText("On NextSong"),
  duration: nullableFloat(0, maxDuration, "On NextSong, seconds"),
  page: textField("Name of the page; free text"),
  method: textField("HTTP method; free text"),
  status: int32Field("HTTP status"),
  tag
}).annotations({ identifier: "PageViewEvent" })
export type PageViewEvent = typeof PageViewEvent.Type

/** A log-in succeeds or fails. */
export const AuthEvent = Schema.Struct({
  ...head,
  ...listener,
  success: booleanField("Whether the listener is logged in now"),
  tag
}).annotations({ identifier: "AuthEvent" })
export type AuthEvent = typeof AuthEvent.Type

/** A listener submits an upgrade or downgrade; `level` is the level before it. */
export const StatusChangeEvent = Schema.Struct({
  ...head,
  auth,
  ...listener,
  tag
}).annotations({ identifier: "StatusChangeEvent" })
export type StatusChangeEvent = typeof StatusChangeEvent.Type

/** Row of each topic. */
export interface EventOf {
  readonly listen_events: ListenEvent
  readonly page_view_events: PageViewEvent
  readonly auth_events: AuthEvent
  readonly status_change_events: StatusChangeEvent
}

/** The Schema of each topic. */
export const eventSchemas = {
  listen_events: ListenEvent,
  page_view_events: PageViewEvent,
  auth_events: AuthEvent,
  status_change_events: StatusChangeEvent
} as const satisfies Record<Topic, Schema.Schema.AnyNoContext>
