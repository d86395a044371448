// Installs the programs that some tests drive. Without them those tests are skipped, so nothing here is fatal.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const programs = [{ file: "/usr/bin/chromium", debianPackage: "chromium", tests: "pages in a browser" }];

const missing = programs.filter(({ file }) => !existsSync(file));
if (missing.length > 0) {
  const packages = missing.map(({ debianPackage }) => debianPackage);
  if (isDebian() && process.getuid?.() === 0) installPackages(packages);
  else {
    say(
      `skipping the tests of ${missing.map(({ tests }) => tests).join(", ")}: ${missing.map(({ file }) => file).join(", ")} not found`,
    );
    say(`on Debian, run: apt-get install ${packages.join(" ")}`);
  }
}

function isDebian() {
  try {
    return /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

function installPackages(packages) {
  say(`installing ${packages.join(", ")} with apt-get, once; this takes about a minute`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, encoding: "utf8" };
  const steps = [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ];
  for (const step of steps) {
    const { status, stdout, stderr, error } = spawnSync("apt-get", step, options);
    if (status === 0) continue;
    say(`apt-get ${step.join(" ")} failed, so the tests that need it are skipped:\n${error ?? stdout + stderr}`);
    return;
  }
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}
