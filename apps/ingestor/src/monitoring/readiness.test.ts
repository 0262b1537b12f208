import { Duration } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { IngestStatus, type PartitionStatus } from "../IngestStatus.ts"
import { whyNotReady } from "./readiness.ts"

const minute = 60_000
const options = { roll: Duration.minutes(2), every: Duration.seconds(10) }
let status: IngestStatus
let partition: PartitionStatus
beforeEach(() => {
  status = new IngestStatus()
  status.hasJoined = true
  status.checkedAt = 100 * minute
  partition = status.assigned({ topic: "auth_events", partition: 3 }, 100 * minute)
  partition.phase = "following"
  partition.end = 10
})
const at = (minutes: number) => {
  status.checkedAt = minutes * minute
  return whyNotReady(status, options, minutes * minute)
}

describe("whyNotReady", () => {
  it("is ready when nothing waits, for however long", () => {
    expect(at(100)).toEqual([])
    expect(at(10_000)).toEqual([])
  })

  it("tells of a group that cannot be joined, and why", () => {
    status.hasJoined = false
    expect(at(100)).toEqual(["It has not been given its partitions yet."])
    status.joinTrouble = "no broker"
    expect(at(100)).toEqual(["It cannot join its group: no broker"])
  })

  it("tells of log and bucket that cannot be reached, or do not answer", () => {
    status.logTrouble = "no broker"
    status.storeTrouble = "no bucket"
    expect(at(100)).toEqual([
      "The log cannot be reached: no broker",
      "The bucket cannot be reached: no bucket"
    ])
    status.logTrouble = status.storeTrouble = ""
    expect(whyNotReady(status, options, 103 * minute)[0]).toContain("have not answered since")
    status.checkedAt = undefined
    expect(whyNotReady(status, options, 100 * minute)).toEqual([
      "Log and bucket have not been looked at yet."
    ])
  })

  it("tells of each partition that has halted", () => {
    Object.assign(partition, { phase: "halted", message: "the records 3 to 5 are gone." })
    expect(at(100)).toEqual(["auth_events/3 has stopped: the records 3 to 5 are gone."])
  })

  it("tells of a partition whose records wait while it stores nothing, not of one that is catching up", () => {
    Object.assign(partition, { lag: 7, oldest: 100 * minute })
    expect(at(106)).toEqual([])
    expect(at(107)).toEqual([
      "auth_events/3 has stored nothing since 1970-01-01T01:40:00.000Z, and 7 records wait."
    ])
    partition.message = "the disk is full"
    expect(at(107)[0]).toContain("wait: the disk is full")
    // An old record of a backlog; but batches are stored.
    Object.assign(partition, { storedAt: 105 * minute, oldest: 5 * minute })
    expect(at(107)).toEqual([])
    // A record that came a moment ago, after hours of silence.
    Object.assign(partition, { storedAt: 5 * minute, oldest: 106 * minute })
    expect(at(107)).toEqual([])
    // Nothing was ever read of it.
    Object.assign(partition, { storedAt: 5 * minute, oldest: undefined })
    expect(at(107).length).toBe(1)
  })
})
