import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import path from "node:path"
import { expect } from "vitest"
import { type Finished, run, startShell, temporaryFolder } from "./musify.ts"

/* What the suites of bad input share: a finished history, copies of it to break, and commands that must refuse. */

/** A history of six hours. */
export const small = ["--users", "50", "--seed", "7", "--start", "2026-01-05", "--end", "2026-01-05T06:00"]

/** Expects this exit code, these texts, and no stack trace; answers all that was printed. */
export const expectEnd = (
  args: ReadonlyArray<string>,
  { code, stderr, stdout }: Finished,
  wanted: number,
  ...texts: ReadonlyArray<string>
): string => {
  const all = stdout + stderr
  expect(code, `musify ${args.join(" ")}\n${all}`).toBe(wanted)
  for (const text of texts) expect(all).toContain(text)
  expect(all).not.toMatch(/^\s+at /m)
  return all
}

/** As `expectEnd`, of a program of its own: its start, its messages and its exit code as a person meets them. */
export const program = async (args: ReadonlyArray<string>, code: number, ...texts: ReadonlyArray<string>) =>
  expectEnd(args, await run(args), code, ...texts)

/** A scratch folder and a process that runs commands; a finished history in `clean`. */
export const badFolders = () => {
  const scratch = temporaryFolder()
  const shell = startShell()
  const clean = path.join(scratch.path, "clean")
  let copies = 0
  const json = async <A>(args: ReadonlyArray<string>): Promise<A> => {
    const all = [...args, "--json"]
    const finished = await shell.run(all)
    expectEnd(all, finished, 0)
    return JSON.parse(finished.stdout) as A
  }
  return {
    scratch: scratch.path,
    clean,
    shell,
    /** To be called before all tests. */
    make: () => json<object>(["up", "--data", clean, ...small, "--once"]),
    remove: () => {
      shell.close()
      scratch.remove()
    },
    /** Runs a command that must end with this code and say this. */
    ends: async (args: ReadonlyArray<string>, code: number, ...texts: ReadonlyArray<string>) =>
      expectEnd(args, await shell.run(args), code, ...texts),
    /** Runs a command that must succeed and answers its JSON. */
    json,
    /** A copy of a folder (the finished history), to break. */
    copy: (of = clean): string => {
      const copy = path.join(scratch.path, `copy${copies++}`)
      fs.cpSync(of, copy, { recursive: true })
      return copy
    }
  }
}

/** Files under a folder by the ending of their names, sorted. */
export const filesUnder = (root: string, ending: string): ReadonlyArray<string> =>
  (fs.readdirSync(root, { recursive: true }) as ReadonlyArray<string>)
    .filter((name) => name.endsWith(ending))
    .map((name) => path.join(root, name))
    .sort()

/** Damages a file and answers how to mend it. */
export const damage = (file: string, how: (bytes: Buffer) => Uint8Array): (() => void) => {
  const bytes = fs.readFileSync(file)
  fs.writeFileSync(file, how(Buffer.from(bytes)))
  return () => fs.writeFileSync(file, bytes)
}

/** Flips one bit. */
export const flip =
  (at: number, bit = 0) =>
  (bytes: Buffer): Uint8Array => {
    bytes[at] ^= 1 << bit
    return bytes
  }

/** Cuts a file in half. */
export const cut = (bytes: Buffer): Uint8Array => bytes.subarray(0, bytes.length >> 1)
