import { defineConfig } from "vitest/config"
import { LongFilesFirst } from "./tools/LongFilesFirst.ts"

const all = ["libs/**/*.test.ts", "apps/**/*.test.ts", "e2e/**/*.test.ts"]
// They count in Effect's registry of metrics, of which a process has one.
const alone = ["apps/ingestor/src/monitoring/monitoring.test.ts"]

// Suites that start servers, kill processes or hold DuckDB in memory share two cores: two workers at most. The files of
// a worker share the modules that they import, which takes a second each otherwise: a test that changes the environment
// puts it back.
export default defineConfig({
  test: {
    setupFiles: ["tools/vitestSeed.ts", "tools/vitestTurn.ts"],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      "**/*.browser.test.ts",
      "**/*.runtime.test.ts",
      "**/*.bigquery.test.ts",
      "**/*.service.test.ts"
    ],
    sequence: { sequencer: LongFilesFirst },
    pool: "forks",
    poolOptions: { forks: { isolate: false } },
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    projects: [
      {
        extends: true,
        test: { name: "shared", include: all, exclude: alone }
      },
      { extends: true, test: { name: "alone", include: alone } }
    ]
  }
})
