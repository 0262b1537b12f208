// node --import bench/usage.mjs PROGRAM: writes what the process has used to file descriptor 3 when it ends.
import { writeSync } from "node:fs"
import process from "node:process"
import { isMainThread } from "node:worker_threads"

// Threads inherit --import, and a thread's exit is not the process's.
if (isMainThread)
  process.on("exit", () => {
    const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
    writeSync(3, JSON.stringify({ cpu_s: (userCPUTime + systemCPUTime) / 1e6, peak_rss_mib: maxRSS / 1024 }))
  })
