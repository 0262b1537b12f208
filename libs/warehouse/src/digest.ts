import { createHash } from "node:crypto"

/** A short name for texts: others get another one. */
export const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(parts.join("\n;")).digest("hex").slice(0, 16)
