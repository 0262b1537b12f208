import { createHash } from "node:crypto"
import { Effect } from "effect"
import type { OnStep } from "./buildHours.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** Statements as a transaction of its own; the same statements on the same state do the same. */
export const plainTransaction = <E>(
  session: WarehouseSession,
  step: string,
  statements: ReadonlyArray<string>,
  onStep: OnStep<E>
): Effect.Effect<void, WarehouseError | E> =>
  Effect.asVoid(
    session.transact(
      {
        id: `${step} ${createHash("sha256").update(statements.join(";")).digest("hex")}`,
        steps: [{ name: step, phase: "build", statements }],
        checks: []
      },
      { onStep, during: (_phase, effect) => effect }
    )
  )
