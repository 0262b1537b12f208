import { groupByTopic, type TopicPartitionName } from "./TopicPartitionName.ts"

/** A member of a group, and what it has had so far. */
export interface Claimant {
  readonly id: string
  readonly owned: ReadonlyArray<TopicPartitionName>
  /** Generation of the group in which it had that; of two claims the later one counts. */
  readonly generation: number
}

/**
 * Shares partitions out among members: of each topic every member gets as many as any other, or one more; who has had a
 * partition keeps it where that allows; the rest goes to whoever has least. The same for the same members in any order.
 */
export const shareOut = (
  members: ReadonlyArray<Claimant>,
  partitions: ReadonlyArray<TopicPartitionName>
): ReadonlyMap<string, ReadonlyArray<TopicPartitionName>> => {
  const ids = members.map(({ id }) => id).sort()
  const shares = new Map(ids.map((id): [string, Array<TopicPartitionName>] => [id, []]))
  const owners = claims(members)
  for (const [, list] of groupByTopic(partitions)) {
    const floor = Math.floor(list.length / ids.length)
    let larger = list.length % ids.length
    const counts = new Map(ids.map((id) => [id, 0]))
    const give = (id: string, partition: TopicPartitionName): void => {
      const count = counts.get(id)! + 1
      counts.set(id, count)
      if (count > floor) larger--
      shares.get(id)!.push(partition)
    }
    const fits = (id: string): boolean => counts.get(id)! < floor || (counts.get(id)! === floor && larger > 0)
    const free: Array<TopicPartitionName> = []
    for (const partition of list) {
      const owner = owners.get(nameOf(partition))
      if (owner !== undefined && fits(owner)) give(owner, partition)
      else free.push(partition)
    }
    for (const partition of free) {
      const candidates = ids.filter(fits)
      // Who has fewer of this topic first, so that nobody stays below the floor; then who has fewer of all.
      const least = candidates.reduce((a, b) => {
        const difference = counts.get(a)! - counts.get(b)! || shares.get(a)!.length - shares.get(b)!.length
        return difference <= 0 ? a : b
      })
      give(least, partition)
    }
  }
  return shares
}

const nameOf = ({ partition, topic }: TopicPartitionName): string => `${topic}/${partition}`

const claims = (members: ReadonlyArray<Claimant>): ReadonlyMap<string, string> => {
  const owners = new Map<string, string>()
  const ordered = [...members].sort((a, b) => a.generation - b.generation || (a.id < b.id ? -1 : 1))
  for (const { id, owned } of ordered) for (const partition of owned) owners.set(nameOf(partition), id)
  return owners
}
