import { configSchema, type ConfigInput, type ProviderConfig } from "../config.ts";
import { HeadraceError } from "../core/errors.ts";
import { nearest } from "./nearest.ts";
import { type Setting, settingsOf } from "./schema-keys.ts";

/** Environment variables, or what stands in for them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What has to be known of a vendor to find it in the environment. */
export interface VendorVariables {
  label: string;
  baseUrl?: string;
  apiKeyVariable?: string;
  apiKeyFallbackVariable?: string;
  baseUrlVariable?: string;
  appearsWith?: readonly (readonly string[])[];
  local?: true;
  onlyByName?: true;
}

/** Read elsewhere: by the command line, as a list of keys, or by the client commands. */
const otherVariables = [
  "HEADRACE_CONFIG",
  "HEADRACE_API_KEYS",
  "HEADRACE_ADMIN_KEYS",
  "HEADRACE_URL",
  "HEADRACE_API_KEY",
  "HEADRACE_MODEL",
];

/** Configuration found in the environment, and which variable each part came from. */
export interface EnvironmentConfig {
  input: ConfigInput;
  /** From the path (`server.port`) to the variable's name. */
  origins: Map<string, string>;
  warnings: string[];
}

/** The variable of a setting: `log.path` is `HEADRACE_LOG_PATH`, `server.port` just `HEADRACE_PORT`. */
export function variableOf([section, key]: Setting["path"]): string {
  const words = section === "server" ? [key] : [section, key];
  return ["HEADRACE", ...words.map((word) => word.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toUpperCase())].join("_");
}

/**
 * Reads every `HEADRACE_*` variable that is a setting. An empty variable counts as not set.
 *
 * @throws HeadraceError `invalid-request` - a variable's text is not of the setting's kind.
 */
export function configFromEnvironment(environment: Environment): EnvironmentConfig {
  const sections: Record<string, Record<string, unknown>> = {};
  const origins = new Map<string, string>();
  const known = new Set(otherVariables);
  for (const setting of settingsOf(configSchema)) {
    const variable = variableOf(setting.path);
    known.add(variable);
    const text = environment[variable]?.trim();
    if (text === undefined || text === "") continue;
    const [section, key] = setting.path;
    (sections[section] ??= {})[key] = readSetting(variable, text, setting.kind);
    origins.set(`${section}.${key}`, variable);
  }
  const keys = [
    ...readKeys(environment["HEADRACE_API_KEYS"]).map((key) => ({ ...key, role: "user" as const })),
    ...readKeys(environment["HEADRACE_ADMIN_KEYS"]).map((key) => ({ ...key, role: "admin" as const })),
  ];
  if (keys.length > 0) (sections["access"] ??= {})["keys"] = keys;
  return { input: sections, origins, warnings: unknownVariables(environment, known) };
}

function readSetting(variable: string, text: string, kind: Setting["kind"]): unknown {
  switch (kind) {
    case "text":
      return text;
    case "list":
      return splitList(text);
    case "number":
      if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
      throw new HeadraceError(
        "invalid-request",
        `${variable} must be a number, but is the text ${JSON.stringify(text)}`,
      );
    case "boolean":
      if (/^(true|1|yes|on)$/i.test(text)) return true;
      if (/^(false|0|no|off)$/i.test(text)) return false;
      throw new HeadraceError(
        "invalid-request",
        `${variable} must be true or false, but is the text ${JSON.stringify(text)}`,
      );
  }
}

/** Keys between commas, each of them optionally as `name=key`. */
function readKeys(text = ""): { name?: string; key: string }[] {
  return splitList(text).map((entry) => {
    // Base64 keys may end in `=`, so what follows the name must be more than that.
    const named = /^([A-Za-z0-9_.-]{1,32})=(.*[^=].*)$/.exec(entry);
    return named === null ? { key: entry } : { name: named[1] as string, key: named[2] as string };
  });
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** A typo in a variable's name would otherwise mean "default" without a word. */
function unknownVariables(environment: Environment, known: ReadonlySet<string>): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("HEADRACE_") && !known.has(name))
    .map((name) => {
      const near = nearest(name, [...known]);
      return `${name} is not a known variable${near === undefined ? "" : `; did you mean ${near}?`}`;
    });
}

/**
 * The providers whose usual variables are set: `OPENAI_API_KEY` makes `openai` appear, `OLLAMA_HOST` makes `ollama`.
 * Those of the configuration win over them where the names are equal.
 *
 * @throws HeadraceError `invalid-request` - a base URL is none.
 */
export function providersFromEnvironment(
  environment: Environment,
  vendors: Readonly<Record<string, VendorVariables>>,
): Record<string, ProviderConfig> {
  const providers: Record<string, ProviderConfig> = {};
  for (const [name, vendor] of Object.entries(vendors)) {
    const keyVariable = keyVariableOf(vendor, environment);
    const baseUrl = setValue(environment, vendor.baseUrlVariable);
    if (vendor.onlyByName === true || !isFound(vendor, environment)) continue;
    const provider: ProviderConfig = { vendor: name };
    if (keyVariable !== undefined) provider.apiKeyVariable = keyVariable;
    if (baseUrl !== undefined) provider.baseUrl = readBaseUrl(vendor, baseUrl);
    providers[name] = provider;
  }
  return providers;
}

function isFound(vendor: VendorVariables, environment: Environment): boolean {
  const isSet = (name: string | undefined): boolean => setValue(environment, name) !== undefined;
  if (vendor.appearsWith !== undefined) return vendor.appearsWith.every((names) => names.some(isSet));
  // A key says nothing of where a server is that everybody has for themselves.
  const isKnown = vendor.baseUrl !== undefined && keyVariableOf(vendor, environment) !== undefined;
  return isKnown || isSet(vendor.baseUrlVariable);
}

/** The variable that holds a vendor's key; undefined when none is set. */
function keyVariableOf(
  { apiKeyVariable, apiKeyFallbackVariable }: VendorVariables,
  environment: Environment,
): string | undefined {
  return [apiKeyVariable, apiKeyFallbackVariable].find((name) => setValue(environment, name) !== undefined);
}

/** A company's proxy, where the usual variables name one; lower case wins, as everywhere. */
export function proxiesFromEnvironment(
  environment: Environment,
): { httpProxy?: string; httpsProxy?: string; noProxy?: string } | undefined {
  const find = (name: string) => setValue(environment, name) ?? setValue(environment, name.toUpperCase());
  const httpProxy = find("http_proxy");
  const httpsProxy = find("https_proxy");
  // Servers on this machine are never behind it.
  const noProxy = [find("no_proxy"), "localhost", "127.0.0.1", "::1"].filter((entry) => entry !== undefined).join(",");
  if (httpProxy === undefined && httpsProxy === undefined) return undefined;
  return {
    ...(httpProxy !== undefined && { httpProxy }),
    ...(httpsProxy !== undefined && { httpsProxy }),
    noProxy,
  };
}

function setValue(environment: Environment, name: string | undefined): string | undefined {
  const text = name === undefined ? undefined : environment[name]?.trim();
  return text === "" ? undefined : text;
}

/** Local servers are often named as `host:port` only, and by the address they listen on rather than one to call. */
function readBaseUrl({ baseUrlVariable, baseUrl, local }: VendorVariables, text: string): string {
  const usual = local && baseUrl !== undefined ? new URL(baseUrl) : undefined;
  const full = usual !== undefined && !text.includes("://") ? `http://${text}` : text;
  if (!URL.canParse(full) || !/^https?:$/.test(new URL(full).protocol)) {
    throw new HeadraceError(
      "invalid-request",
      `${baseUrlVariable} must be an address such as ${baseUrl ?? "https://host/v1"}, but is the text ${JSON.stringify(text)}`,
    );
  }
  if (usual === undefined) return full;
  const url = new URL(full);
  if (url.hostname === "0.0.0.0" || url.hostname === "[::]") url.hostname = "127.0.0.1";
  if (url.port === "" && url.protocol === "http:" && !/:80(\/|$)/.test(full)) url.port = usual.port;
  if (url.pathname === "/") url.pathname = usual.pathname;
  return url.href.replace(/\/$/, "");
}
