import { Schema } from "effect"

/**
 * What a person sees, as it is: what happened, where, and what to do. Exit codes: 1 something was found wrong,
 * 2 wrong use or setting, 3 a part (broker, bucket, disk) is not reachable.
 */
export class UserError extends Schema.TaggedError<UserError>()("UserError", {
  message: Schema.String,
  exitCode: Schema.Literal(1, 2, 3)
}) {}

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

const reasons: Readonly<Record<string, readonly [reason: string, advice: string, exitCode: 2 | 3]>> = {
  ENOSPC: [
    "the disk is full",
    "Free some space or choose another folder, then run the same command again",
    3
  ],
  EDQUOT: ["the disk quota is used up", "Free some space or choose another folder, then run again", 3],
  EACCES: ["permission denied", "Give yourself the right to write there, or choose another folder", 2],
  EPERM: ["not permitted", "Give yourself the right to write there, or choose another folder", 2],
  EROFS: ["the file system is read-only", "Choose another folder", 2],
  ENOTDIR: ["a file is in the way of a folder", "Move that file away, or choose another folder", 2],
  EEXIST: ["a file is in the way", "Move that file away, or choose another folder", 2],
  EISDIR: ["a folder is in the way of a file", "Move that folder away, or choose another one", 2],
  ENAMETOOLONG: ["the path is too long", "Choose a shorter one", 2],
  ENOENT: ["there is no such file or folder", "Check the path", 2],
  EMFILE: ["too many files are open", "Raise the limit (ulimit -n)", 3],
  EIO: ["the disk reports an error", "Check the disk", 3]
}

/**
 * A failed file operation (a Node error with `code`) as a UserError. `doing` completes "Cannot …" and names the path.
 */
export const fileError = (doing: string, cause: unknown): UserError => {
  const known = reasons[codeOf(cause)]
  if (known !== undefined) {
    return new UserError({ message: `Cannot ${doing}: ${known[0]}. ${known[1]}.`, exitCode: known[2] })
  }
  const text = cause instanceof Error ? cause.message : String(cause)
  return new UserError({ message: `Cannot ${doing}: ${text}.`, exitCode: 3 })
}
