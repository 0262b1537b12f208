import { setImmediate } from "node:timers/promises"
import { afterEach } from "vitest"

// Tests that never wait would together hold up their worker's event loop. Vitest fails a run whose worker stands still
// for a minute, which on a busy machine is a quarter of a minute's work.
afterEach(() => setImmediate())
