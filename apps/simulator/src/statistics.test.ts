import { Schema } from "effect"
import { expect, it } from "vitest"
import { EventsimConfig } from "./EventsimConfig.ts"
import { type AnyEvent, cast, collect, parsed } from "./testing/collect.ts"
import { eventsimExample } from "./testing/eventsimExample.ts"
import { eventsimFacts, eventsimUsers } from "./testing/eventsimFacts.ts"

/*
 * Our statistics held to those of real Eventsim: its example config, 92 days from June 2015, growth 25 % per year.
 * `eventsimFacts` has, per figure, the mean of four seeds of the real program and the deviation between seeds.
 */

const users = 1000
const start = Date.UTC(2015, 5, 1)
const days = 92
const hourMs = 3_600_000

/** Quantiles of the durations of the songs that were played. */
const durationQuantiles: ReadonlyArray<readonly [share: number, seconds: number]> = [
  [0, 2],
  [0.01, 39.7],
  [0.05, 105.5],
  [0.25, 177.3],
  [0.5, 224.2],
  [0.75, 277.7],
  [0.95, 423.1],
  [0.99, 608.2],
  [1, 1400]
]
const durationAt = (share: number): number => {
  const n = Math.max(
    1,
    durationQuantiles.findIndex(([s]) => s >= share)
  )
  const [[s0, d0], [s1, d1]] = [durationQuantiles[n - 1], durationQuantiles[n]]
  return d0 + ((share - s0) / (s1 - s0)) * (d1 - d0)
}

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))]
const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

/** The figures of eventsimFacts by name, from the page views of a run. */
const figuresOf = (pages: ReadonlyArray<AnyEvent>): ReadonlyMap<string, number> => {
  const figures = new Map<string, number>()
  const shares = (name: string, values: Iterable<string>) => {
    const counts = new Map<string, number>()
    let total = 0
    for (const value of values) {
      counts.set(value, (counts.get(value) ?? 0) + 1)
      total++
    }
    for (const [value, n] of counts) figures.set(`${name}/${value}`, n / total)
  }
  const sessions = new Map<number, Array<AnyEvent>>()
  for (const event of pages) {
    const session = sessions.get(event.sessionId)
    if (session === undefined) sessions.set(event.sessionId, [event])
    else session.push(event)
  }
  const all = [...sessions.values()]
  const end = start + days * 24 * hourMs
  const begun = all.filter(([first]) => first.itemInSession === 0)
  const complete = begun.filter((events) => events[events.length - 1].ts < end - 2 * hourMs)

  for (const key of ["page", "status", "method", "auth", "level"] as const) {
    shares(
      `shares/${key}`,
      pages.map((e) => String(e[key as keyof AnyEvent]))
    )
  }
  const hour = (ts: number) => String(new Date(ts).getUTCHours()).padStart(2, "0")
  const weekday = (ts: number) => ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][new Date(ts).getUTCDay()]
  shares(
    "session_start_hour",
    begun.map(([e]) => hour(e.ts))
  )
  shares(
    "session_start_weekday",
    begun.map(([e]) => weekday(e.ts))
  )
  shares(
    "hour_of_day",
    pages.map((e) => hour(e.ts))
  )
  shares(
    "page_transitions/START >",
    begun.map(([e]) => ` ${e.page}`)
  )
  const isSong = (e: AnyEvent) => e.page === "NextSong"
  figures.set("events_per_session/mean", mean(complete.map((s) => s.length)))
  figures.set("songs_per_session/mean", mean(complete.map((s) => s.filter(isSong).length)))
  figures.set("session_seconds/mean", mean(complete.map((s) => (s[s.length - 1].ts - s[0].ts) / 1000)))
  figures.set("sessions per user", all.length / users)

  const free = new Map<number, Array<number>>()
  const rows = new Map<string, Array<string>>()
  const timing = { song: 0, whole: 0, detour: 0, atEnd: 0, redirects: 0, redirectSecond: 0 }
  const starts = new Map<number, Array<number>>()
  for (const events of all) {
    let songEnd: number | undefined
    for (const [n, e] of events.entries()) {
      const before = events[n - 1]
      if (before !== undefined) {
        const gap = (e.ts - before.ts) / 1000
        const row = rows.get(before.page) ?? []
        rows.set(before.page, row)
        row.push(` ${e.page}`)
        if (e.status === 307) {
          timing.redirects++
          if (gap === 1) timing.redirectSecond++
        } else if (!isSong(e) && e.userId !== undefined) {
          const gaps = free.get(e.userId) ?? []
          free.set(e.userId, gaps)
          gaps.push(gap)
        }
        if (isSong(e) && isSong(before)) {
          timing.song++
          if (e.ts === songEnd) timing.whole++
        } else if (isSong(e) && songEnd !== undefined) {
          timing.detour++
          if (e.ts === songEnd) timing.atEnd++
        }
      }
      if (isSong(e)) songEnd = e.ts + Math.floor(e.duration!) * 1000
    }
    if (events[events.length - 1].ts < end - 2 * hourMs)
      rows.get(events[events.length - 1].page)?.push(" END")
    const number = (events[0].sessionId - 1) % 100_000_000
    const list = starts.get(number) ?? []
    starts.set(number, list)
    list.push(events[0].ts, events[events.length - 1].ts)
  }
  for (const [page, row] of rows) shares(`page_transitions/${page} >`, row)
  figures.set("song_then_song_gap_is_whole_duration_share", timing.whole / timing.song)
  figures.set("song_after_detour_at_song_end_share", timing.atEnd / timing.detour)
  figures.set("into_redirect_takes_a_second", timing.redirectSecond / timing.redirects)
  const gaps = [...free.values()].filter((list) => list.length >= 20).map(mean)
  for (const p of [25, 50, 75]) figures.set(`mean_free_gap_per_user_seconds/p${p}`, quantile(gaps, p / 100))
  const between: Array<number> = []
  for (const list of starts.values()) {
    for (let n = 2; n < list.length; n += 2) between.push((list[n] - list[n - 1]) / 1000)
  }
  for (const p of [5, 25, 50, 75])
    figures.set(`gap_between_sessions_seconds/p${p}`, quantile(between, p / 100))
  return figures
}

it("our statistics are those of real Eventsim", () => {
  const songs = Array.from({ length: 400 }, (_, n) => ({
    ...cast.songs[n % cast.songs.length],
    duration: durationAt((n + 0.5) / 400),
    weight: 1
  }))
  const lines = collect({
    config: Schema.decodeUnknownSync(EventsimConfig)(eventsimExample),
    cast: { ...cast, songs },
    users,
    seed: 1,
    start,
    days
  })
  const figures = figuresOf(parsed(lines, "page_view_events"))
  // One run of ours, with fewer users, against the mean of four of theirs.
  const spread = Math.sqrt(eventsimUsers / users + 1 / 4)
  const beyond: Array<string> = []
  for (const [name, expected, deviation] of eventsimFacts) {
    const ours = figures.get(name) ?? 0
    const distance = Math.abs(ours - expected) / (Math.max(deviation, 0.001 * expected) * spread)
    if (distance > 4) beyond.push(`${name}: Eventsim ${expected} ± ${deviation}, ours ${ours.toPrecision(5)}`)
  }
  expect(eventsimFacts.length).toBeGreaterThan(120)
  // One in a hundred may lie beyond by chance: counts of rare pages are no normal variates.
  expect(beyond.length, beyond.join("\n")).toBeLessThanOrEqual(1)
  expect(figures.get("song_then_song_gap_is_whole_duration_share")).toBe(1)
  expect(figures.get("into_redirect_takes_a_second")).toBe(1)
})
