import { saslUsers } from "../../../tools/services/Services.ts"
import { Duration, Effect, Redacted } from "effect"
import { describe, expect, inject, it } from "vitest"
import { saslMechanisms } from "./kafka/KafkaSettings.ts"
import { makeKafkaEventLog } from "./KafkaEventLog.ts"
import { kafkaTestSettings } from "./testing/kafkaTestSettings.ts"
import { plainOf, recordsOf } from "./testing/plainRecords.ts"

const settingsFor = (mechanism: (typeof saslMechanisms)[number], password?: string) => {
  const user = mechanism === "plain" ? saslUsers.plain : saslUsers.scram
  return kafkaTestSettings(inject("kafkaSaslBrokers"), {
    timeout: Duration.seconds(10),
    sasl: { mechanism, username: user.username, password: Redacted.make(password ?? user.password) }
  })
}

describe.each(saslMechanisms)("the login by %s", (mechanism) => {
  it("lets in who has the password, on every connection", () =>
    Effect.gen(function* () {
      const log = yield* makeKafkaEventLog(settingsFor(mechanism))
      const records = recordsOf([{ key: "k", value: "v" }])
      yield* log.append([{ topic: "auth_events", partition: 0, records }])
      const member = yield* log.join("readers")
      yield* member.assignments.take
      for (const read of [log.read, member.read]) {
        const batch = yield* read("auth_events", 0, 0, 100)
        expect(plainOf(batch)).toEqual([{ offset: 0, key: "k", value: "v" }])
        // At the end, so that the member waits on a connection of its own.
        expect((yield* read("auth_events", 0, 1, 100)).count).toBe(0)
      }
      yield* log.commit("readers", "auth_events", 0, 1)
    }).pipe(Effect.scoped, Effect.runPromise))

  it("refuses who has not, and says so without the password", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(makeKafkaEventLog(settingsFor(mechanism, "wrong-secret")))
      expect(error).toMatchObject({ _tag: "EventLogUnavailable", retryable: false, exitCode: 3 })
      expect(error.message).toMatch(/SASL|authentication/i)
      expect(error.message).toContain("--kafka-")
      expect(JSON.stringify(error) + error.message).not.toContain("wrong-secret")
    }).pipe(Effect.scoped, Effect.runPromise))
})
