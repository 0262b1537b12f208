import { parentPort, workerData } from "node:worker_threads"
import type { WorkerSetup } from "./protocol.ts"
import { serveSlice } from "./serveSlice.ts"

// The program of a worker thread.
if (parentPort !== null) serveSlice(parentPort, workerData as WorkerSetup)
