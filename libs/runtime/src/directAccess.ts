import { Buffer } from "node:buffer"
import fs from "node:fs"

/*
 * Reading and writing past the page cache (O_DIRECT), for files that are far larger than what anyone reads again soon:
 * a new page of the cache costs as much as making the bytes that go into it. Systems and file systems may refuse it, at
 * the opening or at the first access (EINVAL); the file is then used as usual.
 */

/** What direct access wants offsets, lengths and memory to be multiples of. */
export const pageBytes = 4096

/** `bytes` rounded up to whole pages. */
export const wholePages = (bytes: number): number => Math.ceil(bytes / pageBytes) * pageBytes

/** At least `bytes` bytes of memory, in whole pages from a page's begin: WebAssembly's begin there, buffers do not. */
export const pageMemory = (bytes: number): Buffer =>
  Buffer.from(new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) }).buffer, 0, wholePages(bytes))

/** Opens an existing file for direct access; undefined where there is none. The caller closes it. */
export const openDirect = (file: string, access: "read" | "write"): number | undefined => {
  const { O_DIRECT, O_RDONLY, O_WRONLY } = fs.constants as Record<string, number | undefined>
  if (O_DIRECT === undefined) return undefined
  try {
    return fs.openSync(file, ((access === "read" ? O_RDONLY : O_WRONLY) ?? 0) | O_DIRECT)
  } catch {
    return undefined
  }
}

/** Whether a failed access says that this file cannot be accessed directly. */
export const isRefused = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code === "EINVAL"
