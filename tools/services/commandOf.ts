import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"

/** The command line of a process; empty when there is none, or when it is dead and only not yet waited for. */
export const commandOf = (pid: number): string => {
  try {
    return process.platform === "linux"
      ? readFileSync(`/proc/${pid}/cmdline`, "utf8")
      : execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" })
  } catch {
    return ""
  }
}
