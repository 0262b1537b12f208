import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import {
  Context_exports,
  Schema_exports
} from "./chunk-IF5KSLEC.mjs";

// libs/runtime/src/UserError.ts
var UserError = class extends Schema_exports.TaggedError()("UserError", {
  message: Schema_exports.String,
  exitCode: Schema_exports.Literal(1, 2, 3)
}) {
};
var codeOf = (cause) => typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
var reasons = {
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
};
var fileError = (doing, cause) => {
  const known = reasons[codeOf(cause)];
  if (known !== void 0) {
    return new UserError({ message: `Cannot ${doing}: ${known[0]}. ${known[1]}.`, exitCode: known[2] });
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new UserError({ message: `Cannot ${doing}: ${text}.`, exitCode: 3 });
};

// libs/stream/src/EventLog.ts
var EventLog = class extends Context_exports.Tag("@musify/stream/EventLog")() {
};

// libs/domain/src/Topic.ts
var topics = ["listen_events", "page_view_events", "auth_events", "status_change_events"];

export {
  UserError,
  fileError,
  EventLog,
  topics
};
//# sourceMappingURL=chunk-FGETWQLX.mjs.map
