import { Schema } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"
import { EventsimConfig, type State } from "../EventsimConfig.ts"
import { collect, parsed } from "../testing/collect.ts"

const state = (page: string): State => ({
  page,
  auth: "Logged In",
  status: 200,
  method: "GET",
  level: "free"
})
const config = (ways: ReadonlyArray<readonly [from: string, to: string, p: number]>) =>
  Schema.decodeUnknownSync(EventsimConfig)({
    alpha: 10,
    beta: 4000,
    auths: [{ auth: "Logged In", weight: 1 }],
    levels: [{ level: "free", weight: 1 }],
    "show-user-details": [{ auth: "Logged In", show: true }],
    "new-session": [{ ...state("A"), weight: 1 }],
    transitions: ways.map(([from, to, p]) => ({ source: state(from), dest: state(to), p }))
  })

/** How often each page (or END) follows A, as shares; sessions at the very end are left out. */
const afterA = (ways: ReadonlyArray<readonly [string, string, number]>, seed: number) => {
  const events = parsed(collect({ config: config(ways), users: 60, days: 6, seed }), "page_view_events")
  const counts = new Map<string, number>()
  const next = new Map<number, number>()
  for (const [n, e] of events.entries()) next.set(e.sessionId, n)
  const sessions = new Map<number, Array<string>>()
  for (const e of events) {
    const pages = sessions.get(e.sessionId)
    if (pages === undefined) sessions.set(e.sessionId, [e.page])
    else pages.push(e.page)
  }
  let total = 0
  for (const pages of sessions.values()) {
    for (const [n, page] of pages.entries()) {
      if (page !== "A") continue
      total++
      const to = pages[n + 1] ?? "END"
      counts.set(to, (counts.get(to) ?? 0) + 1)
    }
  }
  return { total, share: (page: string) => (counts.get(page) ?? 0) / total }
}

it("each way is taken with its probability, the rest ends the session, in any order of the file", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(),
      (weights, rest, seed) => {
        const total = weights.reduce((a, b) => a + b, rest)
        const pages = ["A", "B", "C", "D"]
        const { share, total: n } = afterA(
          weights.map((w, i) => ["A", pages[i], w / total] as const),
          seed
        )
        // Sessions that are cut off by the end of the run look ended: few among thousands.
        for (const [i, p] of [...weights.map((w) => w / total), rest / total].entries()) {
          expect(Math.abs(share(pages[i] ?? "END") - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n) + 0.01)
        }
      }
    ),
    { numRuns: 6, seed: 2 }
  )
})

it("of two transitions between the same states the later one counts, and the earlier one's share ends the session", () => {
  const { share, total } = afterA(
    [
      ["A", "B", 0.3],
      ["A", "C", 0.2],
      ["A", "B", 0.4]
    ],
    5
  )
  expect(total).toBeGreaterThan(3000)
  expect(Math.abs(share("B") - 0.4)).toBeLessThan(0.04)
  expect(Math.abs(share("C") - 0.2)).toBeLessThan(0.04)
  expect(Math.abs(share("END") - 0.4)).toBeLessThan(0.04)
})

it("a session whose ways add up to 1 goes on, also where their doubles fall a little short", () => {
  // 0.6 + 0.3 + 0.1 is 0.9999999999999999.
  const events = parsed(
    collect({
      config: config([
        ["A", "A", 0.6],
        ["A", "B", 0.3],
        ["A", "C", 0.1],
        ["B", "A", 1],
        ["C", "A", 1]
      ]),
      users: 20,
      days: 0.3
    }),
    "page_view_events"
  )
  const perListener = new Map<number, Set<number>>()
  for (const e of events) {
    const n = (e.sessionId - 1) % 100_000_000
    perListener.set(n, (perListener.get(n) ?? new Set()).add(e.sessionId))
  }
  expect(perListener.size).toBe(20)
  for (const sessions of perListener.values()) expect(sessions.size).toBe(1)
})
