import { expect, it } from "vitest"
import { builtInCatalog } from "../catalog/loadCatalog.ts"
import { configOf } from "../testing/collect.ts"
import { describeConfig, endless } from "./describeConfig.ts"
import { descriptionText } from "./descriptionText.ts"
import { durationsOf } from "./sessionTime.ts"
import { stateGraph } from "./stateGraph.ts"

const config = configOf({
  transitions: [
    {
      source: { page: "Home & <co>", auth: "In", status: 200, method: "GET", level: "free" },
      dest: { page: "NextSong", auth: "In", status: 200, method: "PUT", level: "free" },
      p: 0.6
    },
    {
      source: { page: "NextSong", auth: "In", status: 200, method: "PUT", level: "free" },
      dest: { page: "NextSong", auth: "In", status: 200, method: "PUT", level: "free" },
      p: 0.75
    },
    {
      source: { page: "NextSong", auth: "In", status: 200, method: "PUT", level: "free" },
      dest: { page: "Bye", auth: "Cancelled", status: 200, method: "GET", level: "free" },
      p: 0.001
    }
  ],
  "new-session": [{ page: "Home & <co>", auth: "In", status: 200, method: "GET", level: "free", weight: 1 }],
  auths: [{ auth: "In", weight: 1 }],
  levels: [{ level: "free", weight: 1 }],
  "growth-rate": 0
})

it("draws every state and every transition with its probability", () => {
  const svg = stateGraph(config)
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 [\d.]+ [\d.]+"/)
  expect(svg).not.toMatch(/NaN|undefined/)
  for (const text of [
    "Home &#38; &#60;co&#62;",
    "NextSong",
    "Bye",
    "In, free",
    "Cancelled, free",
    "60%",
    "75%",
    "0.1%",
    "ends 40%",
    "ends 24.9%",
    "NextSong (In, free) again: 75%"
  ]) {
    expect(svg).toContain(`>${text}<`)
  }
  expect(svg.match(/marker-end/g)!.length).toBe(3)
  // The built-in config: one arrow for each transition, one label too.
  const whole = stateGraph(configOf())
  expect(whole.match(/marker-end/g)!.length).toBe(configOf().transitions.length)
  expect(whole.match(/class="p"/g)!.length).toBe(configOf().transitions.length)
})

it("says in words what a chain this small can be worked out by hand to do", () => {
  const description = describeConfig(config, durationsOf(builtInCatalog().songs), {
    start: undefined,
    days: 30
  })
  // 0.6 of the sessions get to the first song; from each song 0.75 to another one: 0.6 / 0.25 songs.
  expect(description.session.songs).toBeCloseTo(2.4, 9)
  expect(description.session.items).toBeCloseTo(1 + 2.4 + 0.0024, 9)
  expect(description.classes[0].leaves).toBeCloseTo(0.0024, 9)
  expect(description.conversion).toBe(null)
  const text = descriptionText("small.json", description)
  for (const line of [
    /^small\.json: 3 states, 3 transitions$/m,
    /^ {2}songs +2\.40$/m,
    /^ {2}NextSong +70\.5 %$/m,
    /^ {2}leave for good +\d\.\d\d %$/m
  ]) {
    expect(text).toMatch(line)
  }
})

it("knows sessions that never end", () => {
  expect(endless(config)).toEqual([])
  const [first, ...rest] = config.transitions
  const [state] = endless({ ...config, transitions: [first, { ...rest[0], p: 1 }] })
  expect(state.page).toBe("NextSong")
})
