import { describe, expect, test } from "vitest";

import { readText } from "./support/source-files.ts";

interface LockedPackage {
  version: string;
  optionalDependencies?: Record<string, string>;
}

const manifest = JSON.parse(readText("package.json")) as Record<
  "dependencies" | "devDependencies",
  Record<string, string>
>;
const lock = JSON.parse(readText("package-lock.json")) as { packages: Record<string, LockedPackage> };

describe("a fresh checkout", () => {
  test("installs on every platform: the lockfile has the packages of all of them", () => {
    // npm leaves out what its registry does not have yet, and `npm ci` then refuses the whole lockfile.
    const absent = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter(
          (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
        )
        .map(
          (name) =>
            `${path} wants ${name}, which is missing: choose a version of this package whose packages are all published`,
        ),
    );
    expect(absent).toEqual([]);
  });

  test("installs from whatever registry npm is set to: the lockfile names none", () => {
    expect(readText("package-lock.json")).not.toContain('"resolved"');
  });

  test("gets the versions that were tested: each is exact, and the one in the lockfile", () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });
});
