import { defineConfig } from "vitest/config"

// Needs `npm ci --prefix tools/zetasql` and `node tools/bigquery/install.mjs`.
export default defineConfig({
  test: {
    include: ["libs/**/*.bigquery.test.ts", "apps/**/*.bigquery.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    minWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 120_000
  }
})
