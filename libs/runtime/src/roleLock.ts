import type { Scope } from "effect"
import { Effect, Schedule } from "effect"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { fileError, UserError } from "./UserError.ts"

/*
 * A role is taken by announcing oneself (a file named after the process) and then looking for others: who sees a live
 * other steps back. Announcing comes before looking, so two can never both hold a role, and the file of a dead process
 * can be removed by anyone, since its name (pid, start time, boot) never comes back. Who holds the role writes so into
 * its file: several that begin at once may all step back, and only those try again that met nobody who holds it.
 * Processes must see each other's pids: one machine, one pid namespace.
 */

/** Start time of a process as the system tells it, or undefined when there is no such (living) process. */
const startOf = (pid: number): string | undefined => {
  if (process.platform === "linux") {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
      // The command name (field 2) may hold spaces and brackets: count from its last bracket. Field 3 state, 22 start.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      return fields[0] === "Z" || fields[0] === "X" ? undefined : `${fields[19]}-${bootId()}`
    } catch {
      return undefined
    }
  }
  try {
    process.kill(pid, 0)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return undefined
  }
  if (process.platform === "win32") return "0"
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" })
    return text.trim().replace(/[^0-9A-Za-z]+/g, "_")
  } catch {
    return undefined
  }
}

const bootId = (): string => {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8)
  } catch {
    return "0"
  }
}

/** Another process that was met. */
interface Other {
  readonly pid: number
  /** It holds the role; else it has only announced itself. */
  readonly holds: boolean
}

const livingOthers = (folder: string, role: string, self: string): ReadonlyArray<Other> => {
  const others: Array<Other> = []
  for (const name of fs.readdirSync(folder)) {
    if (name === self || !name.startsWith(`${role}.`)) continue
    const file = path.join(folder, name)
    const pid = Number(name.slice(role.length + 1).split("-", 1)[0])
    const start = startOf(pid)
    if (start !== undefined && name === `${role}.${pid}-${start}`)
      others.push({ pid, holds: (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0 })
    else fs.rmSync(file, { force: true })
  }
  return others
}

/** Takes the role: the announcing file, or who was met. */
const take = (folder: string, role: string): string | Other => {
  const self = `${role}.${process.pid}-${startOf(process.pid) ?? "0"}`
  const file = path.join(folder, self)
  fs.mkdirSync(folder, { recursive: true })
  try {
    fs.closeSync(fs.openSync(file, "wx"))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return { pid: process.pid, holds: true }
    throw cause
  }
  try {
    const others = livingOthers(folder, role, self)
    if (others.length > 0) {
      fs.rmSync(file, { force: true })
      return others.find(({ holds }) => holds) ?? others[0]
    }
    fs.writeFileSync(file, "held\n")
    return file
  } catch (cause) {
    fs.rmSync(file, { force: true })
    throw cause
  }
}

/**
 * Holds `role` in `<root>/locks` until the scope closes; fails (exit 2) when another process, or another part of this
 * one, holds it. With `wait` it tries again for some seconds first.
 */
export const acquireRole = (
  root: string,
  role: string,
  options?: { readonly wait?: boolean }
): Effect.Effect<void, UserError, Scope.Scope> => {
  const folder = path.join(root, "locks")
  const attempt: Effect.Effect<string, UserError | Other> = Effect.flatMap(
    Effect.try({
      try: () => take(folder, role),
      catch: (cause) => fileError(`take the role "${role}" in ${folder}`, cause)
    }),
    (taken) => (typeof taken === "string" ? Effect.succeed(taken) : Effect.fail(taken))
  )
  // Unequal steps, so that two that stepped back at once do not meet again.
  const patience = Schedule.spaced("20 millis").pipe(
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(250))
  )
  const taken = Effect.retry(attempt, {
    schedule: patience,
    while: (error) => "holds" in error && (options?.wait === true || !error.holds)
  })
  return Effect.acquireRelease(
    Effect.mapError(taken, (error) =>
      "holds" in error
        ? new UserError({
            message:
              `The data folder ${root} is in use: its ${role} is running already (process ${error.pid}). ` +
              `Stop that one, or use another folder (--data).`,
            exitCode: 2
          })
        : error
    ),
    (file) => Effect.sync(() => fs.rmSync(file, { force: true }))
  ).pipe(Effect.asVoid)
}
