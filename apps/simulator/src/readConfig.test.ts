import { Either } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { defaultConfig } from "./defaultConfig.ts"
import type { EventsimConfigFile } from "./EventsimConfig.ts"
import { parseConfig, type ReadConfig } from "./readConfig.ts"

type Json = Record<string, unknown>
type Mutable = {
  transitions: Array<{ source: Json; dest: Json; p: unknown }>
  "new-session": Array<Json>
  "show-user-details": Array<Json>
  auths: Array<Json>
  levels: Array<Json>
} & Json

const small: EventsimConfigFile = {
  alpha: 60,
  beta: 86_400,
  "churned-state": "Cancelled",
  auths: [{ auth: "Logged In", weight: 1 }],
  levels: [
    { level: "free", weight: 1 },
    { level: "paid", weight: 0 }
  ],
  "show-user-details": [
    { auth: "Logged In", show: true },
    { auth: "Cancelled", show: true }
  ],
  "new-session": [
    { page: "Home", auth: "Logged In", status: 200, method: "GET", level: "free", weight: 3 },
    { page: "NextSong", auth: "Logged In", status: 200, method: "PUT", level: "free", weight: 1 }
  ],
  transitions: [
    {
      source: { page: "Home", auth: "Logged In", status: 200, method: "GET", level: "free" },
      dest: { page: "NextSong", auth: "Logged In", status: 200, method: "PUT", level: "free" },
      p: 0.6
    },
    {
      source: { page: "Home", auth: "Logged In", status: 200, method: "GET", level: "free" },
      dest: { page: "Bye", auth: "Cancelled", status: 200, method: "GET", level: "free" },
      p: 0.1
    },
    {
      source: { page: "NextSong", auth: "Logged In", status: 200, method: "PUT", level: "free" },
      dest: { page: "NextSong", auth: "Logged In", status: 200, method: "PUT", level: "free" },
      p: 0.8
    }
  ]
}

const changed = (change: (config: Mutable) => void): string => {
  const config = structuredClone(small) as unknown as Mutable
  change(config)
  return JSON.stringify(config, null, 1)
}
const accepted = (text: string): ReadConfig => {
  const result = parseConfig(text, "c.json")
  if (Either.isLeft(result)) throw new Error(result.left.message)
  return result.right
}
const faultsOf = (text: string): ReadonlyArray<string> => {
  const result = parseConfig(text, "c.json")
  if (Either.isRight(result)) throw new Error("the config was accepted")
  expect(result.left.exitCode).toBe(2)
  return result.left.message.split("\n")
}
/** One change, and the one message that it must give. */
const mutations: ReadonlyArray<readonly [name: string, change: (c: Mutable) => void, message: string]> = [
  [
    "a negative probability",
    (c) => (c.transitions[1].p = -0.2),
    "c.json:82: transitions[1].p is -0.2, expected a number from 0 to 1"
  ],
  [
    "a probability above 1",
    (c) => (c.transitions[2].p = 1.5),
    "c.json:99: transitions[2].p is 1.5, expected a number from 0 to 1"
  ],
  [
    "a sum above 1",
    (c) => (c.transitions[1].p = 0.4000000001),
    "c.json:82: transitions[1].p is 0.4000000001, with which the transitions from Home (GET 200, Logged In, free) add up to 1.0000000001, expected at most 1"
  ],
  [
    "a probability as text",
    (c) => (c.transitions[0].p = "0.6"),
    'c.json:65: transitions[0].p is "0.6", expected a number from 0 to 1'
  ],
  [
    "a missing probability",
    (c) => delete (c.transitions[0] as Json)["p"],
    "c.json:50: transitions[0].p is missing, expected a number from 0 to 1"
  ],
  [
    "a missing field of a state",
    (c) => delete c.transitions[0].source["status"],
    "c.json:51: transitions[0].source.status is missing, expected a status code, a whole number from 0 to 999"
  ],
  [
    "no state",
    (c) => (c.transitions[0].dest = "NextSong" as never),
    'c.json:58: transitions[0].dest is "NextSong", expected a state {page, auth, status, method, level}'
  ],
  ["no list", (c) => (c.auths = {} as never), "c.json:5: auths is {}, expected a list of {auth, weight}"],
  [
    "a missing list",
    (c) => delete (c as Json)["levels"],
    "c.json:1: levels is missing, expected a list of {level, weight}"
  ],
  [
    "a weight that is no whole number",
    (c) => (c.levels[0]["weight"] = 0.5),
    "c.json:14: levels[0].weight is 0.5, expected a whole number of at least 0"
  ],
  ["a wrong type", (c) => (c["alpha"] = "fast"), 'c.json:2: alpha is "fast", expected a number above 0'],
  ["null", (c) => (c["beta"] = null), "c.json:3: beta is null, expected a number above 0"],
  [
    "a negative session gap",
    (c) => (c["session-gap"] = -1),
    "c.json:102: session-gap is -1, expected a whole number of at least 0"
  ],
  [
    "a weekend damping above 1",
    (c) => (c["weekend-damping"] = 2),
    "c.json:102: weekend-damping is 2, expected a number from 0 to 1"
  ],
  ["a number as flag", (c) => (c["local-time"] = 1), "c.json:102: local-time is 1, expected true or false"],
  ["a number as text", (c) => (c["tag"] = 5), "c.json:102: tag is 5, expected a text"],
  [
    "a flag as text",
    (c) => (c["show-user-details"][0]["show"] = "yes"),
    'c.json:24: show-user-details[0].show is "yes", expected true or false'
  ],
  [
    "a state that is named but not described",
    (c) => (c["new-session"][1]["page"] = "Nowhere"),
    "c.json:40: new-session[1] is Nowhere (PUT 200, Logged In, free), expected a state that occurs in transitions"
  ],
  [
    "an (auth, level) without session start",
    (c) => (c.levels[1]["weight"] = 1),
    'c.json:31: new-session has no state for listeners with auth "Logged In" and level "paid", expected one of weight above 0: their sessions could not begin'
  ],
  [
    "a session that ends where none can begin",
    (c) => (c["churned-state"] = "Gone"),
    'c.json:31: new-session has no state for listeners with auth "Cancelled" and level "free", expected one of weight above 0: their sessions could not begin'
  ],
  [
    "new listeners who cannot begin",
    (c) => (c["growth-rate"] = 0.1),
    'c.json:31: new-session has no state for listeners with auth "Guest" and level "free", expected one of weight above 0: their sessions could not begin'
  ],
  [
    "an auth of which it is not known whether its users are shown",
    (c) => c["show-user-details"].splice(1),
    'c.json:21: show-user-details says nothing about auth "Cancelled", expected {"auth": "Cancelled", "show": true or false}'
  ],
  [
    "weights that are all 0",
    (c) => (c.auths[0]["weight"] = 0),
    "c.json:5: auths has no entry of weight above 0, expected one at least"
  ],
  [
    "sessions without a gap that follow at once",
    (c) => ((c["session-gap"] = 0), (c["beta"] = 10)),
    "c.json:3: beta is 10, expected at least 3600 where session-gap is 0: some listeners would come again and again within one second"
  ],
  [
    "endless sessions without time between the actions",
    (c) => ((c.transitions[2].p = 1), (c["alpha"] = 0.5)),
    "c.json:2: alpha is 0.5, expected at least 5 where sessions can go on for ever: some listeners would do endlessly much within one second"
  ]
]

describe("a config file is refused, with file, line, key, found and expected, for", () => {
  it.each(mutations)("%s", (_, change, message) => {
    expect(faultsOf(changed(change))).toEqual([message])
  })
})

describe("a config file that is no JSON is refused with line and column:", () => {
  it.each([
    ["nothing", "", "1:1", "the end of the file, expected a value"],
    ["a single quote", "{'alpha': 1}", "1:2", `"'", expected a value: a text`],
    ["a trailing comma", '{\n  "alpha": 1,\n}', "2:13", "a comma before }, expected none"],
    ["a trailing comma in a list", '{"auths": [1, 2 , ]}', "1:17", "a comma before ], expected none"],
    ["a comment", '{"alpha": 1} // one', "1:14", "a comment, expected none"],
    ["a missing comma", '{"alpha": 1\n "beta": 2}', "2:2", `"\\"", expected ,`],
    ["a text without end", '{"alpha', "1:2", "expected a text that ends with"],
    ["an open brace", '{"alpha": 1', "1:12", "the end of the file, expected }"],
    ["more than one value", "{} {}", "1:4", "expected the end of the file"]
  ])("%s", (_, text, place, message) => {
    const [first] = faultsOf(text)
    const [line, column] = place.split(":")
    expect(first).toContain(`c.json:${place}: this is not JSON: line ${line}, column ${column}: found `)
    expect(first).toContain(message)
  })

  it("nesting without end", () => {
    expect(faultsOf("[".repeat(200_000))).toEqual([expect.stringContaining("nested too deeply")])
  })
})

describe("a config file", () => {
  it("of Eventsim's kind is accepted without a warning", () => {
    expect(accepted(JSON.stringify(small)).warnings).toEqual([])
    expect(accepted(JSON.stringify(defaultConfig)).warnings).toEqual([])
    expect(accepted("\uFEFF" + JSON.stringify(small)).config.alpha).toBe(60)
  })

  it("gets Eventsim's defaults", () => {
    const { config } = accepted(changed((c) => (delete c["alpha"], delete c["beta"])))
    expect(config).toMatchObject({
      alpha: 60,
      beta: 259_200,
      damping: 0.0625,
      "weekend-damping": 0.5,
      "weekend-damping-offset": 6,
      "weekend-damping-scale": 6,
      "session-gap": 1800,
      "new-user-auth": "Guest",
      "new-user-level": "free"
    })
  })

  it("may give all the probability away, in parts that double numbers add up to a little more", () => {
    const text = changed((c) => {
      const [first] = c.transitions
      c.transitions.splice(0, 2)
      for (const p of [0.2, 0.4, 0.3, 0.1]) {
        c.transitions.push({ ...first, dest: { ...first.dest, page: `Page ${p}` }, p })
      }
    })
    expect(0.2 + 0.4 + 0.3 + 0.1).toBeGreaterThan(1)
    expect(accepted(text).config.transitions.length).toBe(5)
  })

  it("gets all its faults told at once, as many as they are", () => {
    const faults = faultsOf(
      changed((c) => {
        c.transitions[0].p = 2
        c.transitions[1].source["level"] = 1
        c["alpha"] = "x"
        delete (c as Json)["auths"]
        c["new-session"][0]["weight"] = -1
        c.transitions.push({ ...c.transitions[2], p: 0.3 })
      }).replace(/\}$/, ",}")
    )
    expect(faults.map((fault) => /^c\.json:\d+:(?:\d+:)? (this is not JSON|\S+)/.exec(fault)![1])).toEqual([
      "this is not JSON",
      "transitions[0].p",
      "transitions[1].source.level",
      "new-session[0].weight",
      "auths",
      "alpha",
      "transitions[3].p"
    ])
    const many = faultsOf(changed((c) => (c.auths = Array.from({ length: 200 }, () => ({})))))
    expect(many.length).toBe(51)
    expect(many[50]).toBe("… and 350 more faults.")
  })

  it.each<readonly [string, (c: Mutable) => void, string]>([
    ["an unknown key", (c) => (c["colour"] = 1), "colour is unknown and not used"],
    [
      "a mistyped key",
      (c) => (c["sesion-gap"] = 1),
      "sesion-gap is unknown and not used; did you mean session-gap?"
    ],
    [
      "a key that Eventsim does not use",
      (c) => (c["start-date"] = "x"),
      "start-date is not used, as in Eventsim: give --start"
    ],
    [
      "an unknown key of an item",
      (c) => ((c.transitions[1] as Json)["note"] = "x"),
      "transitions[1].note is unknown and not used"
    ],
    [
      "an unknown key of each item",
      (c) => c.transitions.forEach((t) => (t.dest["note"] = 1)),
      "transitions[0].dest.note is unknown and not used (and 2 more of this name)"
    ],
    [
      "a state that nobody reaches",
      (c) =>
        c.transitions.push({ ...c.transitions[0], source: { ...c.transitions[0].source, page: "Island" } }),
      "transitions[3].source is Island (GET 200, Logged In, free), which nobody ever reaches"
    ],
    [
      "a state without a way out",
      (c) =>
        c.transitions.push({
          ...c.transitions[0],
          dest: { ...c.transitions[0].dest, page: "Error" },
          p: 0.01
        }),
      "transitions[3].dest is Error (PUT 200, Logged In, free), a state without a way out: the session ends there, and another one follows"
    ],
    [
      "a transition that is named twice",
      (c) => c.transitions.push({ ...c.transitions[0], p: 0.1 }),
      "transitions[3] is between the same states as transitions[0]: the later one counts, and the share of the earlier one ends the session, as in Eventsim"
    ],
    [
      "sessions that can go on for ever",
      (c) => (c.transitions[2].p = 1),
      "transitions let sessions go on for ever from NextSong (PUT 200, Logged In, free): no way leads to an end"
    ]
  ])("is warned about, but runs, with %s", (_, change, message) => {
    const { warnings } = accepted(changed(change))
    expect(warnings.map((warning) => warning.replace(/^c\.json:\d+: /, ""))).toEqual([message])
  })
})

/** Any JSON, and configs in which anything was replaced by anything. */
const broken = fc
  .tuple(
    fc.array(
      fc.tuple(fc.nat(), fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom(0, -1, 2, "", "free"))),
      {
        minLength: 1,
        maxLength: 4
      }
    ),
    fc.boolean()
  )
  .map(([changes, remove]) => {
    const config: unknown = structuredClone(small)
    for (const [pick, value] of changes) {
      const places: Array<[Json, string]> = []
      const collect = (node: unknown) => {
        if (typeof node !== "object" || node === null) return
        for (const key of Object.keys(node)) {
          places.push([node as Json, key])
          collect((node as Json)[key])
        }
      }
      collect(config)
      if (places.length === 0) break
      const [node, key] = places[pick % places.length]
      if (remove) delete node[key]
      else node[key] = value
    }
    return JSON.stringify(config, null, 1)
  })

describe("whatever a config file holds", () => {
  const oneLinePerFault = (text: string) => {
    const result = parseConfig(text, "c.json")
    const lines = Either.isLeft(result) ? result.left.message.split("\n") : result.right.warnings
    if (Either.isLeft(result)) expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      expect(line).toMatch(
        /^c\.json(:\d+){1,2}: .*(expected|not used|nobody|way|twice|later|nested|comment)|^… and/
      )
      expect(line).not.toMatch(/undefined|\[object|Error:|Expected |\n +at /)
    }
  }

  it("it is accepted, or gets sentences", () => {
    fc.assert(fc.property(broken, oneLinePerFault), { numRuns: 300 })
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), oneLinePerFault), { numRuns: 150 })
    fc.assert(fc.property(fc.string(), oneLinePerFault), { numRuns: 150 })
  })

  it("cut off anywhere, it is no JSON", () => {
    const text = JSON.stringify(small, null, 1)
    fc.assert(
      fc.property(fc.nat({ max: text.length - 1 }), (length) => {
        expect(faultsOf(text.slice(0, length))[0]).toContain("this is not JSON")
      }),
      { numRuns: 100 }
    )
  })
})
