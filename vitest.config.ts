import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Nothing keeps state in modules, so the files of a worker can share them.
    isolate: false,
    maxWorkers: 2,
    testTimeout: 20_000,
    // What comes true only later fails late, too: other tests run beside.
    expect: { poll: { timeout: 10_000 } },
    reporters: ["default", "./test/support/count-reporter.ts"],
  },
});
