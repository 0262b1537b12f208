import * as fs from "node:fs"

/**
 * Writes a file, whole or not at all, also after a power cut: beside it first, then in its place. Throws
 * what the file system says.
 */
export const replaceFile = (file: string, content: string | Uint8Array): void => {
  const part = `${file}.part`
  const handle = fs.openSync(part, "w")
  try {
    fs.writeFileSync(handle, content)
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
  fs.renameSync(part, file)
}
