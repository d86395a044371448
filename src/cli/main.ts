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

const { run } = await import("./program.ts");
await run(process.argv.slice(2));
