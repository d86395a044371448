#!/usr/bin/env node
// Checked before anything else is loaded, since an older Node could not even read it.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 16)) {
  process.stderr.write(
    `headrace needs Node 24.16 or newer, and this is ${process.versions.node} (${process.execPath}).\n` +
      "Install it from https://nodejs.org, or run `npx -p node@24 -p headrace headrace`.\n",
  );
  process.exit(1);
}

const args = process.argv.slice(2);
const isServer = args[0] === undefined || args[0] === "serve" || args[0] === "simulate" || args[0].startsWith("-");
if (isServer) restartWithSmallNursery();
const { run } = await import("./program.ts");
await run(args);

/**
 * Gives the heap's nursery a fixed size of 8 MB. Left to itself it starts small, so that much of what a token leaves behind
 * is moved to the old heap, and ends at 16: measured, a process with 1,000 open streams is then some 70 MB larger, for no
 * gain in CPU. V8 takes this from its command line only, so the process replaces itself, before it has loaded
 * anything, where the system knows how.
 */
function restartWithSmallNursery(): void {
  const isChosen = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((flag) => flag.includes("semi-space"));
  if (isChosen || process.platform === "win32" || process.execve === undefined || process.send !== undefined) return;
  const flags = ["--min-semi-space-size=8", "--max-semi-space-size=8"];
  const script = process.argv[1];
  if (script === undefined) return;
  const kept = process.execArgv.filter((flag) => !flag.startsWith("--inspect"));
  if (kept.length < process.execArgv.length) return;
  try {
    process.execve(process.execPath, [process.execPath, ...flags, ...kept, script, ...args], process.env);
  } catch {
    // It works without.
  }
}
