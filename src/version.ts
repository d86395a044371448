import { readFileSync } from "node:fs";

/** The version of this package; its file lies a folder up from here, in the source as in the build. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
