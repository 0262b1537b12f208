import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["apps/dashboard/browser/**/*.browser.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000
  }
})
