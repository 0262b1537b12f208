import { parentPort } from "node:worker_threads"
import { serveSlice } from "./serveSlice.ts"

// The program of a worker thread.
if (parentPort !== null) serveSlice(parentPort)
