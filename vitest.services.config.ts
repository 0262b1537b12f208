import { defineConfig } from "vitest/config"

// What runs on a real Kafka and a real Cloud Storage server (tools/services): apart from `npm test`, which needs
// nothing but npm. Two files at a time: most of their time they wait.
export default defineConfig({
  test: {
    setupFiles: ["tools/vitestSeed.ts", "tools/vitestTurn.ts"],
    include: ["**/*.service.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["tools/services/globalSetup.ts"],
    pool: "forks",
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
})
