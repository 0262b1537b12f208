import { defineConfig } from "vitest/config"

// What needs other runtimes: apart from `npm test`, which needs nothing but npm.
export default defineConfig({
  test: {
    setupFiles: ["tools/vitestSeed.ts", "tools/vitestTurn.ts"],
    include: ["e2e/**/*.runtime.test.ts"],
    fileParallelism: false
  }
})
