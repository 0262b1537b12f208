#!/usr/bin/env node
// The musify command, from its TypeScript source. Node before 22.18 cannot strip types: tsx does it there.
import process from "node:process"

if (!process.features.typescript && !globalThis.Bun && !globalThis.Deno) {
  const { register } = await import("tsx/esm/api")
  register()
}
await import("../apps/musify/src/main.ts")
