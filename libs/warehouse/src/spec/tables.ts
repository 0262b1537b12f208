import type { Song } from "@musify/domain/Song.ts"
import { chartRows } from "./charts.ts"
import { datetimeRows } from "./datetime.ts"
import { deviceRows } from "./devices.ts"
import { dedupe } from "./dedupe.ts"
import { authFacts, levelChangeFacts, levelChanges, pageViewFacts, streamFacts } from "./facts.ts"
import { levelStepDays, levelSteps } from "./levels.ts"
import { locationRows } from "./locations.ts"
import type { Logged } from "./logged.ts"
import { ofTopic } from "./logged.ts"
import {
  accountDays,
  activeUsers,
  conversion,
  listening,
  listeningBy,
  loginHours,
  pageHours,
  retention,
  sessionDays,
  songPlays,
  userRows,
  weeks
} from "./marts.ts"
import type { Value } from "./order.ts"
import { playsOf } from "./plays.ts"
import { sessionRows, sessionStates } from "./sessions.ts"
import { SongDimension } from "./songs.ts"
import { UserDimension } from "./users.ts"

/** Columns of each table, view and mart, in their order. */
export const tableColumns = {
  fact_streams:
    "user_key song_key artist_key location_key device_key hour_key ts user_id session_id item_in_session tag auth level duration",
  fact_page_views:
    "user_key location_key device_key hour_key ts user_id session_id item_in_session tag auth level page method status",
  fact_auth:
    "user_key location_key device_key hour_key ts user_id session_id item_in_session tag level success is_redirect_echo",
  fact_level_changes:
    "user_key location_key device_key hour_key ts user_id session_id item_in_session tag auth level",
  fact_sessions:
    "session_id user_key user_id started_at ended_at pages songs seconds_listened tag ended_how start_known first_item last_item",
  dim_users:
    "user_key user_id first_name last_name gender registered_at level level_since valid_from valid_to is_current",
  dim_songs:
    "song_key song_id track_id title artist_key artist_name release year duration tempo key key_confidence loudness song_hotttnesss in_catalog",
  dim_artists: "artist_key artist_id name latitude longitude location",
  dim_location: "location_key city state zip lat lon state_name region_code on_map",
  dim_devices: "device_key user_agent browser os form",
  dim_datetime: "hour_key hour_start date year quarter month day hour iso_weekday iso_week is_weekend",
  level_changes:
    "user_key location_key device_key hour_key ts user_id session_id item_in_session tag auth level level_after",
  mart_listening: "hour user_key user_id state level gender tag device_key plays seconds skips",
  mart_songs: "hour state song_key artist_key plays",
  mart_users: "user_id gender level registered_at first_seen first_play last_seen paid_since",
  mart_active_users: "date dau wau mau",
  mart_conversion: "month free_users upgrades downgrades cancellations",
  level_steps: "user_id changed_at level_before level_after since tag",
  mart_level_steps: "date level_before level_after tag days_before changes seconds_before",
  mart_retention: "cohort_week week_number users returned",
  mart_weeks: "week listeners new_listeners retained returned lost",
  mart_sessions: "date ended_how tag sessions bounces pages songs seconds seconds_listened",
  mart_pages: "hour page views redirects errors",
  mart_logins: "hour level events attempts failures echoes",
  song_charts: "period starts place place_before climbed song_key title artist_name plays plays_before",
  artist_charts: "period starts place place_before climbed artist_key artist_name plays plays_before",
  listening_by_tag: "date tag level listeners plays seconds skips",
  listening_by_device: "date browser os form listeners plays seconds skips",
  listening_by_account_age: "date account_days listeners plays seconds skips"
} as const

/** Name of a table of the star schema, of a view whose rows are specified, or of a mart. */
export type TableName = keyof typeof tableColumns

/** Names of all of them. */
export const tableNames = Object.keys(tableColumns) as ReadonlyArray<TableName>

/** Column names of a table, in order. */
export const columnsOfTable = (table: TableName): ReadonlyArray<string> => tableColumns[table].split(" ")

/** A row by column name: keys as bigint, times in epoch ms, dates as `2026-11-23`. */
export type Row = Readonly<Record<string, Value>>

/** All rows of all tables, each table sorted by `rowText`. */
export type Tables = Readonly<Record<TableName, ReadonlyArray<Row>>>

/** A row as one line of text, columns in order: equal lines = equal rows. -0 is written as 0. */
export const rowText = (columns: ReadonlyArray<string>, row: Row): string =>
  JSON.stringify(
    columns.map((column) => {
      const value = row[column]
      return typeof value === "bigint" ? String(value) : value
    })
  )

/** The rows of a table as sorted lines: two tables are the same when these are. */
export const canonical = (columns: ReadonlyArray<string>, rows: Iterable<Row>): ReadonlyArray<string> =>
  [...rows].map((row) => rowText(columns, row)).sort()

const sortRows = (columns: ReadonlyArray<string>, rows: ReadonlyArray<object>): ReadonlyArray<Row> =>
  (rows as ReadonlyArray<Row>)
    .map((row) => ({ row, text: rowText(columns, row) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ row }) => row)

/**
 * The star schema of a set of events, in one full pass: the specification that every way of building it (by hours, in
 * any order, again, in SQL) is held to. Events may come in any order and more than once.
 */
export const buildTables = (logged: Iterable<Logged>, catalog: ReadonlyArray<Song>): Tables => {
  const events = dedupe(logged)
  const users = new UserDimension(events)
  const songs = new SongDimension(catalog)
  const listens = ofTopic(events, "listen_events")
  const plays = playsOf(listens)
  const hours = datetimeRows(events)
  const fact_streams = streamFacts(events, users, songs)
  const fact_page_views = pageViewFacts(events, users)
  const fact_auth = authFacts(events, users)
  const fact_sessions = sessionRows(sessionStates(events), plays, users)
  const fact_level_changes = levelChangeFacts(events, users)
  const mart_listening = listening(plays, users)
  const mart_songs = songPlays(plays, songs)
  const dim_devices = deviceRows(events)
  const userOf = new Map(users.rows().map((row) => [row.user_key, row]))
  const deviceOf = new Map(dim_devices.map((row) => [row.device_key, row]))
  const steps = levelSteps(events, users)
  const dim_songs = songs.songRows(listens.map(({ event }) => event))
  const dim_artists = songs.artistRows(dim_songs)
  const songOf = new Map(dim_songs.map((row) => [row.song_key, row]))
  const artistOf = new Map(dim_artists.map((row) => [row.artist_key, row]))
  const tables: Record<TableName, ReadonlyArray<object>> = {
    fact_streams,
    fact_page_views,
    fact_auth,
    fact_level_changes,
    fact_sessions,
    dim_users: users.rows(),
    dim_songs,
    dim_artists,
    dim_location: locationRows(events),
    dim_devices,
    dim_datetime: hours,
    level_changes: levelChanges(fact_level_changes, users),
    mart_listening,
    mart_songs,
    mart_users: userRows(events, fact_streams, users),
    mart_active_users: activeUsers(fact_streams, hours),
    mart_conversion: conversion(fact_page_views, users, hours),
    level_steps: steps,
    mart_level_steps: levelStepDays(steps, fact_page_views),
    mart_retention: retention(fact_streams, hours),
    mart_weeks: weeks(fact_streams, hours),
    mart_sessions: sessionDays(fact_sessions),
    mart_pages: pageHours(fact_page_views),
    mart_logins: loginHours(fact_auth),
    song_charts: chartRows(mart_songs, "song_key").map(({ key, ...row }) => {
      const { artist_name, title } = songOf.get(key)!
      return { ...row, song_key: key, title, artist_name }
    }),
    artist_charts: chartRows(mart_songs, "artist_key").map(({ key, ...row }) => ({
      ...row,
      artist_key: key,
      artist_name: artistOf.get(key)!.name
    })),
    listening_by_tag: listeningBy(mart_listening, ({ level, tag }) => ({ tag, level })),
    listening_by_device: listeningBy(mart_listening, ({ device_key }) => {
      const { browser, form, os } = deviceOf.get(device_key)!
      return { browser, os, form }
    }),
    listening_by_account_age: listeningBy(mart_listening, ({ hour, user_key }) => ({
      account_days: accountDays(userOf.get(user_key)!.registered_at, hour)
    }))
  }
  return Object.fromEntries(
    tableNames.map((name) => [name, sortRows(columnsOfTable(name), tables[name])])
  ) as Record<TableName, ReadonlyArray<Row>>
}
