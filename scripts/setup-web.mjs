// Builds the web UI into dist/web when what it is made of has changed. Needs no network.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const built = `${root}dist/web`;
const stamp = `${built}/.built-from`;

// Pages share types and a few modules with the rest; whatever of it changes, building anew is cheap.
const sources = ["web", "src/core", "src/client", "src/protocols", "src/providers/simulator/faults", "src/records"];

/** @param {string} node - the Node to build with. */
export function buildWebWhenStale(node) {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("set-up: building the web UI; this takes a few seconds\n");
  // Beside the one in use, so that a running gateway and another build never see half of it.
  const beside = `${root}dist/web.${process.pid}`;
  mkdirSync(`${root}dist`, { recursive: true });
  const { status, stdout, stderr } = spawnSync(
    node,
    [`${root}node_modules/vite/bin/vite.js`, "build", `${root}web`, "--outDir", beside, "--logLevel", "warn"],
    { cwd: root, encoding: "utf8", env: { ...process.env, NODE_ENV: "production" } },
  );
  if (status !== 0) {
    rmSync(beside, { recursive: true, force: true });
    process.stderr.write(`${stdout}${stderr}set-up: the web UI could not be built, see above; all else works\n`);
    return;
  }
  writeFileSync(`${beside}/.built-from`, wanted);
  try {
    rmSync(built, { recursive: true, force: true });
    renameSync(beside, built);
  } catch (error) {
    // Another build was quicker.
    rmSync(beside, { recursive: true, force: true });
    if (!existsSync(stamp)) throw error;
  }
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const file of [...sources.flatMap(filesIn), "package-lock.json"].toSorted((a, b) => (a < b ? -1 : 1))) {
    hash.update(`${file}\n`).update(readFileSync(root + file));
  }
  return hash.digest("hex");
}

function filesIn(folder) {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}
