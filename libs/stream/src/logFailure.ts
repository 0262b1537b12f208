import fs from "node:fs"
import path from "node:path"
import { EventLogUnavailable } from "./EventLogError.ts"

/* What LMDB's and the system's errors mean for a person who has to do something about them. */

const meanings: ReadonlyArray<readonly [pattern: RegExp, advice: string, damaged: boolean]> = [
  [/permission denied|not permitted|read-only|EACCES|EPERM|EROFS/i, "Check the rights there.", false],
  [
    /damaged|corrupt|invalid|page not found|LMDB file/i,
    "Restore the file from a copy, or begin anew in another folder (--data).",
    true
  ]
]

/** Free space at a file, for messages. */
const freeSpace = (file: string): string => {
  try {
    const { bavail, bsize } = fs.statfsSync(path.dirname(file))
    return `${Math.floor((bavail * bsize) / 2 ** 20)} MiB are free`
  } catch {
    return "its free space is not known"
  }
}

/** A failed operation on the log's file. `doing` completes "Cannot …" and names the file. */
export const logFailure = (doing: string, file: string, cause: unknown): EventLogUnavailable => {
  const text = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "")
  // LMDB tells a write that the disk took only in part as an input/output error.
  if (/input\/output error|EIO|no space left|quota|ENOSPC|EDQUOT|file too large|EFBIG/i.test(text)) {
    return new EventLogUnavailable({
      message:
        `Cannot ${doing} ${file}: the disk did not take it. It may be full (${freeSpace(file)}), over a quota or a limit ` +
        `of file size, or faulty. What was acknowledged is safe.`,
      retryable: true,
      cause
    })
  }
  const [, advice, damaged] = meanings.find(([pattern]) => pattern.test(text)) ?? [undefined, "", false]
  return new EventLogUnavailable({
    message: `Cannot ${doing} ${file}: ${text}. ${advice}`.trim(),
    retryable: false,
    damaged,
    cause
  })
}

/** The log's file holds something else than what was written; `what` says which part, with its verb. */
export const logDamaged = (file: string, what: string): EventLogUnavailable =>
  new EventLogUnavailable({
    message:
      `${file} is damaged: ${what} not what was written. ` +
      `Restore the file from a copy, or begin anew in another folder (--data).`,
    retryable: false,
    damaged: true
  })

/** lmdb-js rejects with "Commit failed" and keeps the reason in another promise, which must not be left alone. */
export const commitErrorOf = async (error: unknown): Promise<unknown> => {
  if (!(error instanceof Error) || !("commitError" in error)) return error
  try {
    await error.commitError
    return error
  } catch (reason) {
    return reason
  }
}
