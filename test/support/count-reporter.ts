import type { Reporter, TestModule } from "vitest/node";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Ends the output with `N passed, N failed`, and the run with an error unless something passed and nothing failed. */
export default class CountReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 };

  onInit(): void {
    // Vitest still has something to say after the last test, and this has to be the last line.
    process.once("exit", () => {
      const { passed, failed, skipped } = this.#counts;
      if (passed === 0 || failed > 0) process.exitCode ||= 1;
      // Whatever made the run fail without failing a test, such as having no tests at all, is one failure.
      const unseen = failed === 0 && process.exitCode ? 1 : 0;
      const ending = skipped > 0 ? `, ${skipped} skipped` : "";
      process.stdout.write(`${passed} passed, ${failed + unseen} failed${ending}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#counts = count(modules, unhandledErrors.length);
  }
}

/** Errors outside of tests (a file that cannot be loaded, a hook, a lost rejection) are failures, too. */
function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that never got its turn has not kept its promise.
      counts[state === "pending" ? "failed" : state]++;
    }
  }
  return counts;
}
