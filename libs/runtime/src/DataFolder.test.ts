import { Effect, Exit, Scope } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { openDataFolder } from "./DataFolder.ts"
import { nodeArguments } from "./testing/nodeArguments.ts"
import { fileError } from "./UserError.ts"

const root = fs.mkdtempSync(path.join(os.tmpdir(), "musify-data-"))
afterAll(() => fs.rmSync(root, { recursive: true }))
const program = fileURLToPath(new URL("./testing/demoProgram.ts", import.meta.url))
let folders = 0
const newPath = () => path.join(root, String(folders++))
const openError = (dir: string) => Effect.runPromise(Effect.flip(openDataFolder(dir)))
/** All files below a folder with their content. */
const contents = (dir: string) =>
  fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8")])

describe("a data folder", () => {
  it("is made when it is missing and has absolute paths", async () => {
    const dir = path.join(newPath(), "deep", "er")
    const folder = await Effect.runPromise(openDataFolder(path.relative(process.cwd(), dir)))
    expect(folder).toMatchObject({
      root: dir,
      log: `${dir}/log`,
      bucket: `${dir}/bucket`,
      warehouse: `${dir}/warehouse.duckdb`,
      published: `${dir}/bucket/published`,
      stage: `${dir}/bucket/stage`
    })
    expect(contents(dir)).toEqual([["musify-data.json", '{\n  "format": 1,\n  "frozen": {}\n}\n']])
    await Effect.runPromise(openDataFolder(dir))
  })

  it("is refused when it is of a newer format, damaged, or something else; nothing in it is touched", async () => {
    const cases: ReadonlyArray<readonly [Readonly<Record<string, string>>, RegExp]> = [
      [
        { "musify-data.json": '{"format": 2, "whatever": []}' },
        /newer Musify \(folder format 2; this one knows 1\)/
      ],
      [{ "musify-data.json": '{"format": 1, "fro' }, /musify-data.json is damaged/],
      [{ "musify-data.json": '{"format": 1, "frozen": {"seed": 3}}' }, /musify-data.json is damaged/],
      [{ "letter.txt": "Dear" }, /is no Musify data folder: it holds letter.txt/]
    ]
    for (const [files, message] of cases) {
      const dir = newPath()
      fs.mkdirSync(dir)
      for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), text)
      const before = contents(dir)
      const error = await openError(dir)
      expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
      expect(error.message).toMatch(message)
      expect(error.message).toContain(dir)
      expect(contents(dir)).toEqual(before)
    }
  })

  it("takes an empty folder, also a mounted disk with its lost+found", async () => {
    const dir = newPath()
    fs.mkdirSync(path.join(dir, "lost+found"), { recursive: true })
    await Effect.runPromise(openDataFolder(dir))
  })

  it("says that a file is in the way", async () => {
    const file = newPath()
    fs.writeFileSync(file, "")
    for (const dir of [file, path.join(file, "below")]) {
      const error = await openError(dir)
      expect(error).toMatchObject({ exitCode: 2 })
      expect(error.message).toMatch(/a file is in the way/)
      expect(error.message).toContain(dir)
    }
  })

  it("says that it may not be written", async () => {
    const dir = newPath()
    await Effect.runPromise(openDataFolder(dir))
    fs.chmodSync(root, 0o755)
    fs.chmodSync(dir, 0o555)
    // Root may write anywhere: then somebody else tries.
    const somebody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
    const child = spawn(process.execPath, [...nodeArguments(program), "hold", "--data", dir], {
      ...somebody,
      stdio: ["ignore", "ignore", "pipe"]
    })
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")])
    expect(stderr).toBe(
      `Cannot write to the data folder ${dir}: permission denied. ` +
        `Give yourself the right to write there, or choose another folder.\n`
    )
    expect(code).toBe(2)
  })

  it("words a full disk, a missing right and a read-only disk", () => {
    const failure = (code: string) => Object.assign(new Error(`${code}: system text`), { code })
    const full = fileError("write /data/x", failure("ENOSPC"))
    expect(full.message).toMatch(/^Cannot write \/data\/x: the disk is full\. Free some space/)
    expect(full.exitCode).toBe(3)
    expect(fileError("write /data/x", failure("EACCES")).message).toMatch(/permission denied/)
    expect(fileError("write /data/x", failure("EROFS")).message).toMatch(/read-only/)
    expect(fileError("write /data/x", failure("EWHAT")).message).toMatch(/EWHAT: system text/)
  })

  it("freezes settings for life", async () => {
    const dir = newPath()
    const folder = await Effect.runPromise(openDataFolder(dir))
    expect(await Effect.runPromise(folder.frozen("seed"))).toBe(undefined)
    const names = Array.from({ length: 20 }, (_, i) => `setting ${i}`)
    const freezeAll = Effect.forEach(names, (name) => folder.freeze(name, `${name}!`), {
      concurrency: "unbounded"
    })
    await Effect.runPromise(freezeAll)
    const again = await Effect.runPromise(openDataFolder(dir))
    for (const name of names) expect(await Effect.runPromise(again.frozen(name))).toBe(`${name}!`)
    await Effect.runPromise(again.freeze("setting 3", "setting 3!"))
    const error = await Effect.runPromise(Effect.flip(again.freeze("setting 3", "other")))
    expect(error).toMatchObject({ exitCode: 2 })
    for (const part of ['"setting 3"', "setting 3!", "other", dir]) expect(error.message).toContain(part)
    expect(fs.readdirSync(dir).filter((name) => name.startsWith("."))).toEqual([])
  })
})

describe("a role", () => {
  it("has one holder until its scope closes", async () => {
    const folder = await Effect.runPromise(openDataFolder(newPath()))
    const scope = Effect.runSync(Scope.make())
    await Effect.runPromise(Scope.extend(folder.lockRole("batcher"), scope))
    await Effect.runPromise(Effect.scoped(folder.lockRole("simulator")))
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(folder.lockRole("batcher"))))
    expect(error).toMatchObject({ exitCode: 2 })
    expect(error.message).toContain(`its batcher is running already (process ${process.pid})`)
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await Effect.runPromise(Effect.scoped(folder.lockRole("batcher")))
  })

  it("of a killed process, or of another one that got its number, is free", async () => {
    const folder = await Effect.runPromise(openDataFolder(newPath()))
    const locks = path.join(folder.root, "locks")
    fs.mkdirSync(locks)
    const dead = spawnSync(process.execPath, ["--version"]).pid
    fs.writeFileSync(path.join(locks, `batcher.${dead}-1-x`), "")
    fs.writeFileSync(path.join(locks, `batcher.1-123-another-start`), "")
    await Effect.runPromise(Effect.scoped(folder.lockRole("batcher")))
    expect(fs.readdirSync(locks)).toEqual([])
  })

  it("is waited for where another process only asks for it, and may step back", async () => {
    const folder = await Effect.runPromise(openDataFolder(newPath()))
    const locks = path.join(folder.root, "locks")
    const child = spawn(process.execPath, [...nodeArguments(program), "hold", "--data", folder.root], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    await once(child.stdout, "data")
    const [holder] = fs.readdirSync(locks)
    const announced = path.join(locks, holder.replace("holder.", "batcher."))
    fs.writeFileSync(announced, "")
    const asking = Effect.runPromise(Effect.either(Effect.scoped(folder.lockRole("batcher"))))
    expect(await Promise.race([asking, sleep(100, "still asking")])).toBe("still asking")
    fs.rmSync(announced)
    expect((await asking)._tag).toBe("Right")
    fs.copyFileSync(path.join(locks, holder), announced)
    const error = await Effect.runPromise(Effect.flip(Effect.scoped(folder.lockRole("batcher"))))
    expect(error.message).toContain(`its batcher is running already (process ${child.pid})`)
    child.kill("SIGKILL")
    await once(child, "close")
  })

  it("is taken by one of many processes", async () => {
    const dir = newPath()
    await Effect.runPromise(openDataFolder(dir))
    const children = Array.from({ length: 3 }, () => {
      const child = spawn(process.execPath, [...nodeArguments(program), "hold", "--data", dir], {
        stdio: "pipe"
      })
      let text = ""
      child.stdout.on("data", (chunk) => (text += String(chunk)))
      const ended = new Promise((resolve) => child.on("close", resolve))
      return { child, ended, holds: () => text.includes("holding") }
    })
    // The losers end by themselves.
    await Promise.race([
      Promise.all(children.slice(0, 2).map(({ ended }) => ended)),
      Promise.all(children.slice(1).map(({ ended }) => ended)),
      Promise.all([0, 2].map((i) => children[i].ended))
    ])
    const pause = () => new Promise((resolve) => setTimeout(resolve, 300))
    while (!children.some(({ holds }) => holds())) await pause()
    await pause()
    expect(children.filter(({ holds }) => holds()).length).toBe(1)
    for (const { child } of children) child.kill("SIGKILL")
    await Promise.all(children.map(({ ended }) => ended))
    const folder = await Effect.runPromise(openDataFolder(dir))
    await Effect.runPromise(Effect.scoped(folder.lockRole("holder")))
  })
})
