import { defineConfig } from "vitest/config"

// Suites that start servers, kill processes or hold DuckDB in memory share two cores: two workers at most.
export default defineConfig({
  test: {
    setupFiles: ["tools/vitestSeed.ts"],
    include: ["libs/**/*.test.ts", "apps/**/*.test.ts", "e2e/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      "**/*.browser.test.ts",
      "**/*.runtime.test.ts",
      "**/*.bigquery.test.ts",
      "**/*.service.test.ts"
    ],
    pool: "forks",
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
})
