// Runs before `npm start`, `npm test` and the other scripts, on whatever Node is on the PATH (20 or later) and before
// anything is installed: plain JavaScript, no dependencies. Says nothing when there is nothing to do.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

if (!isInstalled()) install();
const node = checkNode();
if (process.argv.includes("--web")) {
  const { buildWebWhenStale } = await import("./setup-web.mjs");
  buildWebWhenStale(node);
}

/** npm writes down what it has installed; that has to be what the lockfile asks for. */
function isInstalled() {
  const installed = readPackages("node_modules/.package-lock.json");
  if (installed === undefined) return false;
  return Object.entries(readPackages("package-lock.json") ?? {}).every(([path, wanted]) => {
    if (path === "") return true;
    const found = installed[path];
    // Optional packages are often for another platform.
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(root + file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

function install() {
  // In a checkout that has most packages, `npm install` only exchanges what differs; `npm ci` would start over.
  const isFresh = !existsSync(`${root}node_modules`);
  say(isFresh ? "installing dependencies, once; this takes about 20 seconds" : "updating dependencies");
  const npmArguments = [
    ...(isFresh ? ["ci"] : ["install", "--no-save"]),
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const npm = process.env.npm_execpath;
  const options = { cwd: root, stdio: "inherit" };
  const { status } =
    npm === undefined
      ? spawnSync("npm", npmArguments, { ...options, shell: true })
      : spawnSync(process.execPath, [npm, ...npmArguments], options);
  if (status === 0) return;
  say(`npm ${npmArguments[0]} failed, see above; with a network connection, run the same command again`);
  process.exit(1);
}

/** Without its install script the `node` package is empty, and scripts would silently run on an older Node. Returns the one to use. */
function checkNode() {
  const brought = `${root}node_modules/node/bin/node${process.platform === "win32" ? ".exe" : ""}`;
  if (spawnSync(brought, ["--version"]).status === 0) return brought;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 16)) return process.execPath;
  say(
    `Headrace needs Node 24.16 or newer, this is ${process.versions.node}, and the one that it brings is not in place.`,
  );
  say(
    "npm was not allowed to run its install script. Run `npm rebuild node --ignore-scripts=false`, or install Node 24.",
  );
  process.exit(1);
}

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}
