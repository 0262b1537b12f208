import { expect, test } from "vitest"
import {
  type Act,
  actsOf,
  linkFaults,
  sessionMs,
  servers,
  steadyPrograms,
  type TimedAct,
  type Track,
  tracks
} from "./acts.ts"

const allTracks = Object.keys(tracks) as ReadonlyArray<Track>

const take = (track: Track, seed: number, count: number): ReadonlyArray<TimedAct> => {
  const acts = actsOf(track, seed)
  return Array.from({ length: count }, () => acts.next().value)
}

const kinds = (acts: ReadonlyArray<TimedAct>): ReadonlyArray<Act["kind"]> => acts.map(({ act }) => act.kind)

test("a seed does the same again, another seed something else", () => {
  for (const track of allTracks) {
    expect(take(track, 7, 50)).toEqual(take(track, 7, 50))
    expect(take(track, 7, 50)).not.toEqual(take(track, 8, 50))
  }
})

test("a short run has every kind of act, against every program and server", () => {
  for (let seed = 0; seed < 50; seed++) {
    const killed = take("kills", seed, steadyPrograms.length)
    expect(new Set(killed.map(({ act }) => ("who" in act ? act.who : "")))).toEqual(new Set(steadyPrograms))
    const hurt = take("serverFaults", seed, 2 * servers.length)
    expect(new Set(hurt.map(({ act }) => `${act.kind} ${"who" in act ? act.who : ""}`)).size).toBe(4)
    expect(new Set(kinds(take("linkTroubles", seed, linkFaults.length)))).toEqual(new Set(linkFaults))
    // The first pause outlasts the session.
    const [{ act }] = take("pauses", seed, 1)
    expect("lastsMs" in act && act.lastsMs).toBeGreaterThan(sessionMs)
    const within = (track: Track, count: number) =>
      take(track, seed, count).reduce((sum, { act, calmMs }) => {
        const lasts = "downMs" in act ? act.downMs : "lastsMs" in act ? act.lastsMs : 0
        return sum + calmMs + lasts
      }, 0)
    // What a run of 90 s needs to have had, of the time that starts take nothing counted.
    expect(within("kills", steadyPrograms.length)).toBeLessThan(60_000)
    expect(within("serverFaults", 4)).toBeLessThan(80_000)
  }
})
