import { defineConfig } from "vitest/config";

// One browser at a time: it draws in software.
export default defineConfig({
  test: {
    include: ["tests/e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // What an action leads to comes when the page gets to it.
    expect: { poll: { timeout: 20_000 } },
  },
});
