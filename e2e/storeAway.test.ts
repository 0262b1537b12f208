import { Buffer } from "node:buffer"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { afterAll, beforeAll, expect, test } from "vitest"
import { badFolders, filesUnder, program, small } from "./badFolder.ts"
import { start, until } from "./musify.ts"

/*
 * A disk that takes nothing: dead letters that cannot be stored, a full disk, a read-only one. Nothing is skipped, and
 * the same command goes on when the cause is gone.
 */

const { ends, json, remove, scratch } = badFolders()
afterAll(remove)

/** A log of a small history, and one record in it that is no event. */
const logged = async (data: string, name: string): Promise<string> => {
  const events = path.join(scratch, name)
  fs.mkdirSync(events)
  fs.writeFileSync(path.join(events, "auth_events.json"), "{\n")
  await ends(["simulate", "--data", data, ...small], 0)
  await ends(["replay", events, "--data", data], 0)
  return data
}

test("dead letters that cannot be stored: their partition waits and says so, the others go on, nothing is skipped", async () => {
  const data = await logged(path.join(scratch, "dead"), "dead-events")
  const deadLetters = path.join(data, "bucket", "dead-letters")
  // A file where their folder should be: nobody may write below it, root neither.
  fs.mkdirSync(path.join(data, "bucket"), { recursive: true })
  fs.writeFileSync(deadLetters, "")
  await program(["ingest", "--once", "--data", data], 3, "auth_events/", "has stopped", deadLetters)
  const sealed = filesUnder(path.join(data, "bucket", "log"), ".seal.json")
  expect(sealed.some((name) => name.includes("listen_events"))).toBe(true)
  expect(filesUnder(path.join(data, "bucket", "lake"), ".parquet").length).toBeGreaterThan(0)

  const running = start(["ingest", "--data", data, "--roll", "1s"])
  const says = (text: string) =>
    until(
      async () => (running.output().includes(text) ? true : undefined),
      () => `${text} is said:\n${running.output()}`
    )
  try {
    await says("waits: Cannot write")
    expect(running.output()).toContain(deadLetters)
    fs.rmSync(deadLetters)
    await until(
      async () => (fs.existsSync(deadLetters) ? true : undefined),
      () => `the dead letters are stored:\n${running.output()}`
    )
    running.child.kill("SIGINT")
    expect((await running.finished).code).toBe(0)
  } finally {
    running.child.kill("SIGKILL")
  }
  await json(["ingest", "--once", "--data", data])
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained", "--deep"], 0)
})

const disk = path.join(scratch, "disk")
let mounted = false
beforeAll(() => {
  fs.mkdirSync(disk)
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], { stdio: "ignore" })
    mounted = true
  } catch {
    process.stderr.write("Not tested: a full and a read-only disk (they need the right to mount a tmpfs).\n")
  }
})
afterAll(() => mounted && execFileSync("umount", [disk]))

test("a full disk ends ingest --once with exit 3, and the next run goes on; a read-only one is wrong use", async (context) => {
  if (!mounted) return context.skip()
  const data = path.join(disk, "data")
  await ends(["simulate", "--data", data, ...small], 0)
  const filler = path.join(disk, "filler")
  const { bavail, bsize } = fs.statfsSync(disk)
  // Room for the probe of the folder and the first plans, not for the files.
  fs.writeFileSync(filler, Buffer.alloc(bavail * bsize - 24 * 1024))
  await program(["ingest", "--once", "--data", data], 3, data, "disk is full")
  fs.rmSync(filler)
  await json(["ingest", "--once", "--data", data])
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained"], 0)

  execFileSync("mount", ["-o", "remount,ro", disk])
  try {
    for (const command of ["ingest --once", "batch run", "simulate"])
      await ends([...command.split(" "), "--data", data], 2, data, "the file system is read-only")
  } finally {
    execFileSync("mount", ["-o", "remount,rw", disk])
  }
  await json(["ingest", "--once", "--data", data])
})
