import { describe, expect, it } from "vitest"
import { murmur2, partitionOf } from "./partitioner.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("Kafka's default partitioner", () => {
  // From org.apache.kafka.common.utils.UtilsTest.testMurmur2
  it.each([
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107]
  ])("hashes %s as Kafka does", (text, hash) => {
    expect(murmur2(bytes(text))).toBe(hash)
  })

  it("drops the sign bit instead of negating", () => {
    expect(partitionOf(bytes("21"), 7)).toBe((-973932308 & 0x7fffffff) % 7)
  })

  it("uses all partitions about equally for device ids", () => {
    const counts = Array.from({ length: 6 }, () => 0)
    for (let i = 0; i < 6000; i++) counts[partitionOf(bytes(`device-${i}`), 6)]++
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
