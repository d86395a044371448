import { existsSync } from "node:fs";
import { join } from "node:path";

/** Puts the variables of `.env`, when there is one, into the process's environment; those already set win. */
export function loadEnvironmentFile(directory = process.cwd()): void {
  const path = join(directory, ".env");
  if (existsSync(path)) process.loadEnvFile(path);
}
