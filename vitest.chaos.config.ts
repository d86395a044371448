import { defineConfig } from "vitest/config";

/** `npm run chaos`: faults on the wire, by the real clock. Takes minutes, so it is no part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/chaos/**/*.chaos.ts"],
    testTimeout: 180_000,
    reporters: ["default", "./test/support/count-reporter.ts"],
  },
});
