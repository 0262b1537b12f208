import { defineConfig } from "vitest/config"

// Installs what it needs the first time (tools/bigquery/install.mjs): a stand-in and an analyzer from PyPI and npm.
// Each file has a stand-in of its own; a stand-in uses one core.
export default defineConfig({
  test: {
    setupFiles: ["tools/vitestSeed.ts", "tools/vitestTurn.ts"],
    include: ["libs/**/*.bigquery.test.ts", "apps/**/*.bigquery.test.ts"],
    globalSetup: ["tools/bigquery/install.mjs"],
    pool: "forks",
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 240_000
  }
})
