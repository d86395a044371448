import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, type ConfigInput, parseConfig } from "../config.ts";
import { HeadraceError } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { loadEnvironmentFile } from "./environment-file.ts";
import { documents, parseDocument, reasonOf } from "./document.ts";
import { configFromEnvironment, type Environment } from "./environment.ts";

export interface LoadOptions {
  /** The file to read. Left out it is `HEADRACE_CONFIG`, or a `headrace.config.*` in the directory, if there is one. */
  file?: string | undefined;
  /** What flags of the command line have set; wins over everything else. */
  flags?: ConfigInput;
  /** From the path (`server.port`) to the flag's name, for messages. */
  flagNames?: ReadonlyMap<string, string>;
  /** Default: the process's, together with `.env` when there is one. */
  environment?: Environment;
  /** Where to look for a file. Default: the current one. */
  directory?: string;
}

export interface LoadedConfig {
  config: Config;
  /** The file that was read, if any. */
  file?: string;
  /** From the path (`server.port`) to what has set it: a flag, a variable or the file's name. The rest are defaults. */
  origins: ReadonlyMap<string, string>;
  /** What is worth telling but does not stop anything. */
  warnings: string[];
}

const modules = ["ts", "mts", "js", "mjs"];

/**
 * Reads the configuration from everywhere it can be: flag > variable > file > default.
 *
 * @throws HeadraceError `invalid-request` - a file is missing or cannot be read, or what it says is wrong.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { flags = {}, flagNames = new Map(), environment = process.env, directory = process.cwd() } = options;
  if (options.environment === undefined) loadEnvironmentFile(directory);
  const variables = configFromEnvironment(environment);
  const file = findFile(options.file ?? (environment["HEADRACE_CONFIG"] || undefined), directory);
  const written = file === undefined ? {} : await readConfigFile(file);

  const input = merge(merge(written, addKeys(written, variables.input)), flags);
  const origins = new Map([...variables.origins, ...flagNames]);
  const where = file === undefined ? "the configuration" : basename(file);
  const config = parseConfig(input, { where, origins });

  const loaded = {
    config,
    warnings: [...variables.warnings],
    origins: new Map([...from(written, where), ...variables.origins, ...from(flags, "the command line"), ...flagNames]),
  };
  if (file === undefined) return loaded;
  const tooOpen = warnAboutMode(file, config);
  if (tooOpen !== undefined) loaded.warnings.push(tooOpen);
  return { ...loaded, file };
}

/** The path of every key that is written, each with where. */
function from(written: unknown, where: string): [string, string][] {
  if (!isJsonObject(written)) return [];
  return Object.entries(written).flatMap(([section, keys]) =>
    isJsonObject(keys) ? Object.keys(keys).map((key): [string, string] => [`${section}.${key}`, where]) : [],
  );
}

function findFile(named: string | undefined, directory: string): string | undefined {
  if (named !== undefined) {
    const path = resolve(directory, named);
    if (existsSync(path)) return path;
    throw new HeadraceError(
      "invalid-request",
      `there is no configuration file ${path}; check --config or HEADRACE_CONFIG`,
    );
  }
  const found = [...modules, ...documents]
    .map((extension) => join(directory, `headrace.config.${extension}`))
    .filter((path) => existsSync(path));
  if (found.length > 1) {
    const names = found.map((path) => basename(path)).join(" and ");
    throw new HeadraceError("invalid-request", `found ${names}; keep one of them, or say which with --config`);
  }
  return found[0];
}

async function readConfigFile(file: string): Promise<unknown> {
  const extension = extname(file).slice(1).toLowerCase();
  try {
    if (modules.includes(extension)) return await importConfig(file);
    if (documents.includes(extension)) return await parseDocument(await readFile(file, "utf8"), extension);
  } catch (error) {
    if (error instanceof HeadraceError) throw error;
    throw new HeadraceError("invalid-request", `${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
  throw new HeadraceError(
    "invalid-request",
    `${file} is of no known kind; a configuration file ends in .${[...modules, ...documents].join(", .")}`,
  );
}

async function importConfig(file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  if (module.default !== undefined) return module.default;
  throw new HeadraceError(
    "invalid-request",
    `${file} has no default export; write \`export default defineConfig({ ... })\``,
  );
}

/** Keys of the environment do not replace those of the file: rotating a key needs both for a while. */
function addKeys(written: unknown, variables: ConfigInput): ConfigInput {
  const fromVariables = variables.access?.keys;
  if (fromVariables === undefined || !isJsonObject(written) || !isJsonObject(written["access"])) return variables;
  const fromFile = written["access"]["keys"];
  if (!Array.isArray(fromFile)) return variables;
  return {
    ...variables,
    access: { ...variables.access, keys: [...(fromFile as typeof fromVariables), ...fromVariables] },
  };
}

function merge(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (!isJsonObject(below) || !isJsonObject(above)) return above;
  const keys = new Set([...Object.keys(below), ...Object.keys(above)]);
  // Not by assignment: a file may hold the key `__proto__`, which the schema then refuses like any other.
  return Object.fromEntries([...keys].map((key) => [key, merge(own(below, key), own(above, key))]));
}

function own(object: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A key written into a file that others on the machine can read is not a secret. */
function warnAboutMode(file: string, config: Config): string | undefined {
  const holdsSecret =
    Object.values(config.providers).some(({ apiKey }) => apiKey !== undefined) ||
    config.access.keys.some(({ key }) => key !== undefined);
  if (!holdsSecret || process.platform === "win32" || (statSync(file).mode & 0o077) === 0) return undefined;
  return `${file} holds a key and can be read by other users; run chmod 600 on it, or name a variable with apiKeyVariable`;
}
