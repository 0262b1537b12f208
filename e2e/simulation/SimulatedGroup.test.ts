import { Effect, Mailbox } from "effect"
import { expect, it } from "vitest"
import { Dice } from "./Dice.ts"
import { Process } from "./Process.ts"
import { type Assignments, SimulatedGroup } from "./SimulatedGroup.ts"
import { Timeline } from "./Timeline.ts"
import type { Writer } from "./Writer.ts"

const timeline = new Timeline()
const group = new SimulatedGroup(1, false, timeline, new Dice(1), () => {})
const assignments: Assignments = Effect.runSync(Mailbox.make())
const writerOf = (slot: number): Writer => ({
  slot,
  process: new Process(`w${slot}`, timeline, 0, slot),
  release: 1,
  skewMs: 0,
  halted: new Set(),
  doubtful: new Set(),
  hasEnded: false,
  reading: new Map()
})

it("forgets, after a session, a member whose join came when it had ended", () => {
  const [alive, ended] = [writerOf(0), { ...writerOf(1), hasEnded: true }]
  group.join(alive, assignments)
  // Whoever comes first in the group: the ended one is given the partition in some of these rounds.
  for (let round = 0; round < 20; round++) group.join(ended, assignments)
  while (timeline.step());
  expect([group.isOwner(alive, 0), group.isOwner(ended, 0)]).toEqual([true, false])
})
