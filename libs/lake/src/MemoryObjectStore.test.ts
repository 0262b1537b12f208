import { Effect } from "effect"
import { makeMemoryObjectStore } from "./MemoryObjectStore.ts"
import { objectStoreContract } from "./ObjectStore.contract.ts"

objectStoreContract(
  "memory",
  Effect.sync(() => makeMemoryObjectStore())
)
