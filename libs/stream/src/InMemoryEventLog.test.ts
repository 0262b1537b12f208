import { Layer } from "effect"
import { EventLog } from "./EventLog.ts"
import { eventLogContract } from "./EventLog.contract.ts"
import { makeInMemoryEventLog } from "./InMemoryEventLog.ts"

eventLogContract(
  "InMemoryEventLog",
  () => ({
    layer: Layer.succeed(EventLog, makeInMemoryEventLog({ partitions: 2 })),
    remove: () => {}
  }),
  { conditionalAppend: "atomic" }
)
