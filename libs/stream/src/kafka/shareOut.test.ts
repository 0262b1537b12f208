import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Claimant, shareOut } from "./shareOut.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

const partitionsOf = (counts: ReadonlyArray<number>): ReadonlyArray<TopicPartitionName> =>
  counts.flatMap((count, t) =>
    Array.from({ length: count }, (_, partition) => ({ topic: `t${t}`, partition }))
  )

const nameOf = ({ partition, topic }: TopicPartitionName): string => `${topic}/${partition}`

const newcomers = (ids: ReadonlyArray<string>): ReadonlyArray<Claimant> =>
  ids.map((id) => ({ id, owned: [], generation: -1 }))

const asClaims = (
  shares: ReadonlyMap<string, ReadonlyArray<TopicPartitionName>>,
  generation: number
): ReadonlyArray<Claimant> => [...shares].map(([id, owned]) => ({ id, owned, generation }))

const moved = (
  before: ReadonlyMap<string, ReadonlyArray<TopicPartitionName>>,
  after: ReadonlyMap<string, ReadonlyArray<TopicPartitionName>>
): number =>
  [...after].reduce((sum, [id, share]) => {
    const had = new Set((before.get(id) ?? []).map(nameOf))
    return sum + share.filter((partition) => !had.has(nameOf(partition))).length
  }, 0)

describe("sharing out", () => {
  const counts = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 4 })
  const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 })

  it("gives every partition to one member, evenly by topic, whatever was claimed", () => {
    fc.assert(
      fc.property(
        counts,
        fc.uniqueArray(
          fc.record({
            id: fc.string({ minLength: 1, maxLength: 3 }),
            owned: fc.array(fc.record({ topic: fc.constantFrom("t0", "t1", "gone"), partition: fc.nat(20) })),
            generation: fc.integer({ min: -1, max: 3 })
          }),
          { minLength: 1, maxLength: 6, selector: ({ id }) => id }
        ),
        (sizes, claimants) => {
          const partitions = partitionsOf(sizes)
          const shares = shareOut(claimants, partitions)
          expect([...shares.values()].flat().map(nameOf).sort()).toEqual(partitions.map(nameOf).sort())
          sizes.forEach((size, t) => {
            for (const share of shares.values()) {
              const count = share.filter(({ topic }) => topic === `t${t}`).length
              expect(count).toBeGreaterThanOrEqual(Math.floor(size / claimants.length))
              expect(count).toBeLessThanOrEqual(Math.ceil(size / claimants.length))
            }
          })
          expect(shareOut([...claimants].reverse(), partitions)).toEqual(shares)
        }
      )
    )
  })

  it("moves nothing without need: not at all for the same members, and only to who comes or from who goes", () => {
    fc.assert(
      fc.property(counts, members, (sizes, ids) => {
        const partitions = partitionsOf(sizes)
        const before = shareOut(newcomers(ids), partitions)
        expect(moved(before, shareOut(asClaims(before, 1), partitions))).toBe(0)

        const larger = shareOut([...asClaims(before, 1), ...newcomers(["another"])], partitions)
        expect(moved(before, larger)).toBe(larger.get("another")!.length)

        if (ids.length === 1) return
        const [gone, ...rest] = asClaims(before, 1)
        expect(moved(before, shareOut(rest, partitions))).toBe(gone.owned.length)
      })
    )
  })

  it("believes the later of two claims", () => {
    const partitions = partitionsOf([2])
    const shares = shareOut(
      [
        { id: "a", owned: partitions, generation: 3 },
        { id: "b", owned: [partitions[0]], generation: 7 }
      ],
      partitions
    )
    expect(shares.get("b")).toEqual([partitions[0]])
  })
})
