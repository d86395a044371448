import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Environment } from "../../config/environment.ts";

/** Says of a variable's name where its value is from: `OPENAI_API_KEY`, or `OPENAI_API_KEY (.env)`. */
export type SourceOfVariable = (name: string) => string;

/** Tells variables of `.env` from those of the process; a value that is in both is taken for the file's. */
export function createSourceOfVariable(environment: Environment, directory: string): SourceOfVariable {
  const path = join(directory, ".env");
  const written = existsSync(path) ? parseEnv(readFileSync(path, "utf8")) : {};
  return (name) => (written[name] !== undefined && written[name] === environment[name] ? `${name} (.env)` : name);
}
