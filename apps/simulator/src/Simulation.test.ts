import { topics } from "@musify/domain/Topic.ts"
import fc from "fast-check"
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { type AnyEvent, collect, configOf, monday, parsed, partitionsOf } from "./testing/collect.ts"

const lines = collect({ days: 20, users: 300 })
const pages = parsed(lines, "page_view_events")
const sessions = new Map<number, Array<AnyEvent>>()
for (const event of pages) {
  const session = sessions.get(event.sessionId)
  if (session === undefined) sessions.set(event.sessionId, [event])
  else session.push(event)
}

describe("the same seed, config, listeners and start", () => {
  it("give the same bytes as ever", () => {
    const hash = createHash("sha256")
    for (const topic of topics) for (const line of lines.get(`${topic}/0`)!) hash.update(line).update("\n")
    expect(pages.length).toBeGreaterThan(10_000)
    expect(hash.digest("hex")).toMatchInlineSnapshot(
      `"67adb6bc3cc03640cbca50e41a380a7ceef02e302f720269a758390dd6ab666b"`
    )
  })

  it("give the same events whatever the size of the steps and the number of partitions", () => {
    const whole = collect({ days: 4, users: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 5 }), (budget, n) => {
        const cut = collect({ days: 4, users: 60, budget, partitions: partitionsOf(n) })
        for (const topic of topics) {
          const all = Array.from({ length: n }, (_, p) => cut.get(`${topic}/${p}`) ?? []).flat()
          expect(all.sort()).toEqual([...(whole.get(`${topic}/0`) ?? [])].sort())
        }
      }),
      { numRuns: 5 }
    )
  })

  it("let a listener live the same life among others", () => {
    const idle = { "growth-rate": 0 }
    const few = parsed(collect({ days: 6, users: 20, config: configOf(idle) }), "page_view_events")
    const many = parsed(collect({ days: 6, users: 90, config: configOf(idle) }), "page_view_events")
    expect(few.length).toBeGreaterThan(100)
    expect(many.filter((e) => (e.sessionId - 1) % 100_000_000 < 20)).toEqual(few)
  })

  it("skips exactly what the log has, partition by partition", () => {
    const n = 3
    const whole = collect({ days: 3, users: 60, partitions: partitionsOf(n) })
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (shares) => {
          const skip = topics.map((topic, t) =>
            Array.from({ length: n }, (_, p) => {
              const length = whole.get(`${topic}/${p}`)?.length ?? 0
              return Math.round(shares[t * n + p] * length)
            })
          )
          const rest = collect({ days: 3, users: 60, partitions: partitionsOf(n), skip })
          for (const [t, topic] of topics.entries()) {
            for (let p = 0; p < n; p++) {
              expect(rest.get(`${topic}/${p}`) ?? []).toEqual(
                (whole.get(`${topic}/${p}`) ?? []).slice(skip[t][p])
              )
            }
          }
        }
      ),
      { numRuns: 5 }
    )
  })
})

describe("the model", () => {
  it("writes in order of time, after the start, whole seconds", () => {
    for (const topic of topics) {
      const events = parsed(lines, topic)
      expect(events.filter((e) => e.ts <= monday || e.ts % 1000 !== 0)).toEqual([])
      expect(events.filter((e, n) => n > 0 && e.ts < events[n - 1].ts)).toEqual([])
    }
  })

  it("numbers the events of a session without hole, and enters redirects after one second", () => {
    for (const events of sessions.values()) {
      for (let n = 1; n < events.length; n++) {
        expect(events[n].itemInSession).toBe(events[n - 1].itemInSession + 1)
        if (events[n].status >= 300 && events[n].status < 399)
          expect(events[n].ts - events[n - 1].ts).toBe(1000)
      }
    }
  })

  it("plays songs to their end: none is cut, a following one begins where the last ended", () => {
    let followed = 0
    for (const events of sessions.values()) {
      let end = 0
      for (const [n, event] of events.entries()) {
        if (event.page !== "NextSong") continue
        expect(event.ts).toBeGreaterThanOrEqual(end)
        if (n > 0 && events[n - 1].page === "NextSong") {
          expect(event.ts).toBe(end)
          followed++
        }
        end = event.ts + Math.floor(event.duration!) * 1000
      }
    }
    expect(followed).toBeGreaterThan(1000)
  })

  it("sends listens, status changes and logins for the page views that they belong to", () => {
    const key = (e: AnyEvent) => `${e.sessionId}/${e.itemInSession}/${e.ts}`
    const of = (test: (e: AnyEvent) => boolean) => pages.filter(test).map(key)
    expect(parsed(lines, "listen_events").map(key)).toEqual(of((e) => e.page === "NextSong"))
    expect(parsed(lines, "status_change_events").map(key)).toEqual(
      of((e) => e.page === "Submit Upgrade" || e.page === "Submit Downgrade")
    )
    const after = new Set<string>()
    for (const events of sessions.values()) {
      for (let n = 1; n < events.length; n++) if (events[n - 1].page === "Login") after.add(key(events[n]))
    }
    const auth = parsed(lines, "auth_events")
    const firstItems = auth.filter((e) => sessions.get(e.sessionId)![0].itemInSession < e.itemInSession)
    expect(new Set(firstItems.map(key))).toEqual(after)
    const byKey = new Map(pages.map((e) => [key(e), e]))
    for (const e of auth) expect(e.success).toBe(byKey.get(key(e))!.auth === "Logged In")
  })

  it("shows a user only where the config says so, registered before being seen, one device per user", () => {
    const registered = new Map<number, number>()
    const isWrong = (e: AnyEvent) => {
      if ((e.userId !== undefined) !== (e.auth === "Logged In" || e.auth === "Cancelled")) return true
      if (e.userId === undefined) return false
      const before = registered.get(e.userId) ?? e.registration
      registered.set(e.userId, e.registration!)
      return e.registration! > e.ts || before !== e.registration
    }
    expect(pages.filter(isWrong)).toEqual([])
    expect(pages.some((e) => e.page === "Submit Registration")).toBe(true)
  })

  it("takes the transitions with the probabilities of the config", () => {
    const config = configOf()
    const from = config.transitions.filter((t) => t.source.page === "NextSong" && t.source.level === "paid")
    const counts = new Map<string, number>()
    let total = 0
    for (const events of sessions.values()) {
      for (const [n, e] of events.entries()) {
        if (e.page !== "NextSong" || e.level !== "paid" || e.ts > monday + 19 * 86_400_000) continue
        total++
        const next = events[n + 1]?.page ?? "END"
        counts.set(next, (counts.get(next) ?? 0) + 1)
      }
    }
    expect(total).toBeGreaterThan(5000)
    for (const { dest, p } of from) {
      const share = (counts.get(dest.page) ?? 0) / total
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / total) + 1e-3)
    }
  })

  it("rests between sessions, more at night and on weekends", () => {
    const starts = [...sessions.values()]
      .filter((e) => e[0].itemInSession === 0)
      .map((e) => new Date(e[0].ts))
    const night = starts.filter((d) => d.getUTCHours() < 6).length
    const afternoon = starts.filter((d) => d.getUTCHours() >= 12 && d.getUTCHours() < 18).length
    expect(afternoon).toBeGreaterThan(2 * night)
  })

  it("lets nobody go without attrition, and most go with much of it", () => {
    const quiet = { "growth-rate": 0, "churned-state": "nobody" }
    const lastWeek = (rate: number) =>
      parsed(
        collect({ days: 40, users: 60, config: configOf({ ...quiet, "attrition-rate": rate }) }),
        "page_view_events"
      ).filter((e) => e.ts > monday + 33 * 86_400_000).length
    expect(lastWeek(20)).toBeLessThan(lastWeek(0) / 2)
  })
})
