import type { Buffer } from "node:buffer"
import { constants, gunzipSync } from "node:zlib"

/** What a song file is by its first bytes. */
export interface ContentKind {
  readonly gzip: boolean
  /** Of what is inside the gzip, where it is one. */
  readonly kind: "h5" | "sqlite" | "tar" | "zip" | "text"
}

/** Bytes from the start that `contentKind` looks at. */
export const headBytes = 65_536

const startsWith = (head: Uint8Array, text: string, at = 0): boolean =>
  [...text].every((character, n) => head[at + n] === character.charCodeAt(0))

const kindOf = (head: Uint8Array): ContentKind["kind"] =>
  startsWith(head, "\x89HDF\r\n\x1a\n")
    ? "h5"
    : startsWith(head, "SQLite format 3\0")
      ? "sqlite"
      : startsWith(head, "ustar", 257)
        ? "tar"
        : startsWith(head, "PK\x03\x04")
          ? "zip"
          : "text"

/** Recognizes a file by its first bytes (up to `headBytes`). Throws on a damaged gzip. */
export const contentKind = (head: Buffer): ContentKind => {
  const gzip = head[0] === 0x1f && head[1] === 0x8b
  return {
    gzip,
    kind: kindOf(gzip ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }) : head)
  }
}
