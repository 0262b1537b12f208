import { topics } from "@musify/domain/Topic.ts"
import fc from "fast-check"
import { expect, it } from "vitest"
import { collect, configOf } from "../testing/collect.ts"

it("whoever joined before a restart keeps the registration that was written before it", () => {
  const options = { days: 3, users: 60, config: configOf({ "growth-rate": 60, beta: 20_000 }) }
  const whole = collect(options)
  const joined = whole
    .get("page_view_events/0")!
    .filter((line) => line.includes('"page":"Submit Registration"'))
  expect(joined.length).toBeGreaterThan(10)
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
      (shares) => {
        const lines = topics.map((topic) => whole.get(`${topic}/0`)!)
        const skip = lines.map((list, t) => [Math.round(shares[t] * list.length)])
        const rest = collect({ ...options, skip })
        for (const [t, topic] of topics.entries()) {
          expect(rest.get(`${topic}/0`) ?? []).toEqual(lines[t].slice(skip[t][0]))
        }
      }
    ),
    { numRuns: 5 }
  )
})
