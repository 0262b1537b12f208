import { defineConfig } from "vitest/config"

// What runs on a real Kafka and a real Cloud Storage server (tools/services): apart from `npm test`, which needs
// nothing but npm. One file after the other: they share two cores with the servers.
export default defineConfig({
  test: {
    include: ["**/*.service.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: ["tools/services/globalSetup.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
})
