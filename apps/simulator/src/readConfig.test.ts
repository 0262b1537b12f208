import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { defaultConfig } from "./defaultConfig.ts"
import { parseConfig } from "./readConfig.ts"

const messageOf = (text: string): string => {
  const result = parseConfig(text, "c.json")
  if (Either.isRight(result)) throw new Error("the config was accepted")
  expect(result.left.exitCode).toBe(2)
  return result.left.message
}
const changed = (change: (config: Record<string, unknown>) => void): string => {
  const config = structuredClone(defaultConfig) as unknown as Record<string, unknown>
  change(config)
  return JSON.stringify(config, null, 1)
}
const transitions = (c: Record<string, unknown>) =>
  c["transitions"] as Array<{ p: number; dest: { page: string } }>

describe("a config file", () => {
  it("of the built-in config is accepted, unknown keys and all", () => {
    expect(
      Either.isRight(
        parseConfig(
          changed((c) => (c["upgrades"] = [])),
          "c.json"
        )
      )
    ).toBe(true)
  })

  it("that is no JSON is refused with line and column", () => {
    expect(messageOf('{\n  "alpha": 1,,\n}')).toContain("c.json:2:14")
    expect(messageOf("")).toContain("not JSON")
  })

  it("is refused with file, line, key, what was found and what was expected", () => {
    expect(messageOf(changed((c) => (transitions(c)[3].p = -0.2)))).toMatch(
      /^c\.json:\d+: transitions\[3\]\.p is -0\.2, expected a number from 0 to 1$/
    )
    expect(messageOf(changed((c) => (c["alpha"] = "fast")))).toMatch(
      /^c\.json:\d+: alpha is "fast", expected a number above 0$/
    )
    expect(messageOf(changed((c) => delete c["levels"]))).toMatch(/^c\.json:1: levels is missing/)
    expect(messageOf("[]")).toContain("c.json:1: the file is []")
  })

  it("is refused when the ways out of a state add up to more than 1", () => {
    expect(messageOf(changed((c) => (transitions(c)[0].p = 0.9)))).toMatch(
      /transitions from Home \(GET 200, Guest, free\) to 1\.\d+, expected a sum of at most 1/
    )
  })

  it("is refused when a session begins in a state that does not occur, or cannot begin", () => {
    expect(
      messageOf(changed((c) => ((c["new-session"] as Array<{ page: string }>)[2].page = "Nowhere")))
    ).toMatch(/new-session\[2\] is Nowhere .*expected a state that occurs in transitions/)
    expect(
      messageOf(
        changed((c) => {
          c["new-session"] = (c["new-session"] as Array<{ level: string }>).filter((s) => s.level !== "paid")
        })
      )
    ).toContain('auth "Logged In" and level "paid"')
  })

  it("is refused when it does not say whether users of an auth are shown", () => {
    expect(
      messageOf(
        changed((c) => {
          c["show-user-details"] = [{ auth: "Logged In", show: true }]
        })
      )
    ).toContain("show-user-details says nothing about auth")
  })
})
