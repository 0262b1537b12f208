import { Duration, Effect, Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { checkRetention, type Retention } from "./checkRetention.ts"

const given: Retention = {
  log: Duration.days(7),
  logIsForEver: false,
  lake: undefined,
  longestOutage: Duration.days(1),
  roll: Duration.minutes(2)
}
const refusal = (changed: Partial<Retention>): string =>
  Either.match(Effect.runSync(Effect.either(checkRetention({ ...given, ...changed }))), {
    onLeft: ({ exitCode, message }) => `${exitCode} ${message}`,
    onRight: () => ""
  })

describe("checkRetention", () => {
  it("accepts what keeps everything long enough", () => {
    expect(refusal({})).toBe("")
    expect(refusal({ log: undefined })).toBe("")
    expect(refusal({ log: undefined, logIsForEver: true })).toBe("")
    expect(refusal({ lake: Duration.days(7) })).toBe("")
    expect(refusal({ lake: Duration.days(400) })).toBe("")
  })

  it("refuses a log that forgets during an outage", () => {
    expect(refusal({ log: Duration.hours(24) })).toMatch(/^2 The log keeps records for 1d .* at least 1d 4m/)
    expect(refusal({ log: Duration.hours(1), longestOutage: Duration.minutes(30) })).toBe("")
  })

  it("refuses a bucket that deletes files of open plans, or what the log still has", () => {
    expect(refusal({ lake: Duration.hours(20) })).toContain("put a second time")
    expect(refusal({ lake: Duration.days(6) })).toContain("the log keeps records for 7d")
    expect(refusal({ lake: Duration.days(60), log: undefined })).toContain("--log-retention")
    expect(refusal({ lake: Duration.days(60), log: undefined, logIsForEver: true })).toContain("for ever")
  })

  it("accepts exactly what has no gap: outage and two rolls ≤ log ≤ lake", () => {
    const hours = fc.integer({ min: 0, max: 300 })
    fc.assert(
      fc.property(hours, hours, hours, hours, (log, lake, outage, roll) => {
        const fine = outage + 2 * roll <= log && log <= lake
        const message = refusal({
          log: Duration.hours(log),
          lake: Duration.hours(lake),
          longestOutage: Duration.hours(outage),
          roll: Duration.hours(roll)
        })
        expect(message === "").toBe(fine)
      })
    )
  })
})
