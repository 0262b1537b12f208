import { topics } from "@musify/domain/Topic.ts"
import type { ChainHalted } from "@musify/lake/ChainError.ts"
import { closedPlans, partitionsWithChains } from "@musify/lake/ChainReader.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Effect } from "effect"
import type { OnStep } from "./buildHours.ts"
import type { ChainPosition } from "./ledger.ts"
import { intakeStatements, readPositions } from "./ledger.ts"
import { plainTransaction } from "./plainTransaction.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** The plans of all chains that are closed and not taken in. */
export const readPlans = (
  positions: ReadonlyArray<ChainPosition>
): Effect.Effect<ReadonlyArray<Plan>, ObjectStoreError | ChainHalted, ObjectStore> =>
  Effect.gen(function* () {
    const found: Array<Plan> = []
    for (const topic of topics) {
      for (const partition of yield* partitionsWithChains(topic)) {
        const position = positions.find((one) => one.topic === topic && one.partition === partition)
        const { plans } = yield* closedPlans(topic, partition, position?.nextSeq ?? 0)
        for (const plan of plans) found.push(plan)
      }
    }
    return found
  })

/** Most files that one transaction takes into the ledger: bounds the length of a statement and of a script. */
const filesAtOnce = 4000

/** Plans in pieces of about `filesAtOnce` files, in order. */
const pieces = (plans: ReadonlyArray<Plan>): ReadonlyArray<ReadonlyArray<Plan>> => {
  const all: Array<Array<Plan>> = []
  let files = Infinity
  for (const plan of plans) {
    if (files + plan.files.length > filesAtOnce) {
      all.push([])
      files = 0
    }
    all[all.length - 1].push(plan)
    files += plan.files.length
  }
  return all
}

/** Takes closed plans into the ledger: from then on their hours are dirty until they are built. */
export const intake = <E>(
  session: WarehouseSession,
  plans: ReadonlyArray<Plan>,
  onStep: OnStep<E>
): Effect.Effect<void, WarehouseError | E> =>
  Effect.forEach(
    pieces(plans),
    (some) =>
      Effect.flatMap(readPositions(session), (positions) =>
        plainTransaction(session, "intake", intakeStatements(session.dialect, positions, some), onStep)
      ),
    { discard: true }
  )
