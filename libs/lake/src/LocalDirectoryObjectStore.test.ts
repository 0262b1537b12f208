import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { it } from "@effect/vitest"
import { nodeArguments } from "@musify/runtime/testing/nodeArguments.ts"
import { Effect } from "effect"
import { afterAll, describe, expect } from "vitest"
import { makeLocalDirectoryObjectStore } from "./LocalDirectoryObjectStore.ts"
import { objectStoreContract } from "./ObjectStore.contract.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-bucket-"))
let made = 0
const newDirectory = (): string => path.join(scratch, String(made++))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

for (const durability of ["power", "process"] as const)
  objectStoreContract(
    `local directory, ${durability}`,
    Effect.suspend(() => makeLocalDirectoryObjectStore({ directory: newDirectory(), durability }))
  )

const racer = fileURLToPath(new URL("./testing/racePuts.ts", import.meta.url))

describe("LocalDirectoryObjectStore", () => {
  it.effect("lists names in the order of their UTF-8 bytes, which UTF-16 has otherwise", () =>
    Effect.gen(function* () {
      const store = yield* makeLocalDirectoryObjectStore({ directory: newDirectory() })
      const all = ["a/z", "a/\u00e9", "a/\ud7ff", "a/\ufffd", "a/\u{1f3b5}"]
      for (const name of [...all].reverse()) yield* store.putIfAbsent(name, new Uint8Array(1))
      expect((yield* store.list("a/")).map(({ name }) => name)).toEqual(all)
      expect((yield* store.list("a/", { startAt: all[3] })).map(({ name }) => name)).toEqual(all.slice(3))
    })
  )

  it.effect("lets exactly one of two processes create each name", () =>
    Effect.gen(function* () {
      const directory = newDirectory()
      yield* makeLocalDirectoryObjectStore({ directory })
      const run = (writer: string) =>
        Effect.promise(() =>
          promisify(execFile)(process.execPath, [...nodeArguments(racer), directory, writer, "200"])
        )
      const outputs = yield* Effect.all([run("a"), run("b")], { concurrency: 2 })
      const created = outputs.map(({ stdout }) => stdout.trim().split(/\s+/).filter(Boolean))
      expect([...created[0], ...created[1]].sort()).toEqual(
        Array.from({ length: 200 }, (_, i) => `race/${i}`).sort()
      )
      created.forEach((names, i) => {
        for (const name of names)
          expect(fs.readFileSync(path.join(directory, name), "utf8")).toBe(`${"ab"[i]}`.repeat(5000))
      })
    })
  )

  it.effect("leaves alone what another store of this process writes into the folder", () =>
    Effect.gen(function* () {
      const directory = newDirectory()
      const open = makeLocalDirectoryObjectStore({ directory })
      const write = (letter: string) =>
        Effect.flatMap(open, (store) =>
          store.putIfAbsent(letter, new Uint8Array(5000).fill(letter.charCodeAt(0)))
        )
      const letters = Array.from("abcdefgh")
      const answers = yield* Effect.forEach(letters, write, { concurrency: "unbounded" })
      expect(answers).toEqual(letters.map(() => "created"))
      for (const letter of letters)
        expect(fs.readFileSync(path.join(directory, letter), "utf8")).toBe(letter.repeat(5000))
    })
  )

  it.effect("keeps its temporary files out of every listing and removes those of killed processes", () =>
    Effect.gen(function* () {
      const directory = newDirectory()
      const temporaries = path.join(directory, ".tmp")
      fs.mkdirSync(temporaries, { recursive: true })
      fs.writeFileSync(path.join(temporaries, "999999999-0"), "half")
      const store = yield* makeLocalDirectoryObjectStore({ directory })
      yield* store.putIfAbsent("lake/x", new Uint8Array(1))
      expect((yield* store.list("")).map(({ name }) => name)).toEqual(["lake/x"])
      expect(fs.readdirSync(temporaries)).toEqual([])
    })
  )

  it.effect("says where it cannot write and what to do", () =>
    Effect.gen(function* () {
      const directory = newDirectory()
      const store = yield* makeLocalDirectoryObjectStore({ directory })
      fs.writeFileSync(path.join(directory, "lake"), "a file in the way")
      const error = yield* Effect.flip(store.putIfAbsent("lake/a/x", new Uint8Array(1)))
      expect(error._tag).toBe("ObjectStoreUnavailable")
      expect(error.message).toContain(path.join(directory, "lake/a/x"))
      expect(fs.readdirSync(path.join(directory, ".tmp"))).toEqual([])
    })
  )
})
