import { type Config, parseConfig } from "../../config.ts";
import type { Environment } from "../../config/environment.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { HeadraceError } from "../../core/errors.ts";
import { openNetwork } from "../../headrace/network.ts";
import { systemClock } from "../../outside.ts";
import { type Vendor, vendors } from "../../providers/vendors.ts";
import { contradictionsIn } from "./contradictions.ts";
import type { Finding } from "./finding.ts";
import { findLocalServers } from "./local-servers.ts";
import { judgeClock, lookAtMachine, openFilesLimit } from "./machine.ts";
import { checkProvider, findProviders, type FoundProvider, type ProviderFinding } from "./providers.ts";
import { effectiveSettings, type SettingRow } from "./settings.ts";
import { createSourceOfVariable } from "./variable-sources.ts";

/** All that `doctor` found. Holds no secret. */
export interface Examination {
  providers: ProviderFinding[];
  servers: Finding[];
  settings: SettingRow[];
  configuration: Finding[];
  machine: Finding[];
}

export interface ExamineOptions {
  config?: string | undefined;
  /** Nothing leaves this machine. */
  offline: boolean;
}

const checkTimeoutMs = 10_000;
const serverTimeoutMs = 800;

/** Looks at everything that can go wrong on this machine. Costs no money; only configured providers are called. */
export async function examine({ config: file, offline }: ExamineOptions): Promise<Examination> {
  const environment = process.env;
  const { loaded, failures } = await load(file);
  const { config, origins } = loaded;
  const found = find(config, environment, loaded.file);
  const used = found.providers.map(({ settings, vendor }) => settings.baseUrl ?? vendor?.baseUrl ?? "");
  const [providers, servers, machine] = await Promise.all([
    checkProviders(config, found.providers, { environment, offline }),
    findLocalServers({ vendors, used, timeoutMs: serverTimeoutMs }),
    lookAtMachine(config),
  ]);
  const openFiles = openFilesLimit();
  const contradictions = contradictionsIn(config, {
    environment,
    providers: found.providers.map(({ name }) => name),
    modelPrefixes: found.providers.flatMap(({ vendor }) => vendor?.modelPrefixes ?? []),
    ...(openFiles !== undefined && { openFiles }),
  });
  const warnings = loaded.warnings.map((message): Finding => ({ level: "warning", about: "configuration", message }));
  return {
    providers,
    servers,
    settings: effectiveSettings(config, origins),
    configuration: [...failures, ...found.failures, ...warnings, ...contradictions],
    machine: [...machine, ...judgeClock(providers)],
  };
}

/** What is wrong with the configuration is a finding like any other; the rest is then looked at with the defaults. */
async function load(file: string | undefined): Promise<{ loaded: LoadedConfig; failures: Finding[] }> {
  try {
    return { loaded: await loadConfig({ file }), failures: [] };
  } catch (error) {
    const loaded = { config: parseConfig({}), warnings: [], origins: new Map<string, string>() };
    return { loaded, failures: [configurationProblem(error)] };
  }
}

function configurationProblem(error: unknown): Finding {
  if (!(error instanceof HeadraceError)) throw error;
  const next = "mend it; what is said here of the rest is with the defaults";
  return { level: "problem", about: "configuration", message: error.message, next };
}

function find(
  config: Config,
  environment: Environment,
  file: string | undefined,
): { providers: FoundProvider[]; failures: Finding[] } {
  const sourceOf = createSourceOfVariable(environment, process.cwd());
  try {
    const where = file?.split(/[/\\]/).at(-1) ?? "the configuration";
    return { providers: findProviders(config, environment, { file: where, sourceOf }), failures: [] };
  } catch (error) {
    return { providers: [], failures: [configurationProblem(error)] };
  }
}

async function checkProviders(
  config: Config,
  found: readonly FoundProvider[],
  { environment, offline }: { environment: Environment; offline: boolean },
): Promise<ProviderFinding[]> {
  if (found.length === 0) return [noProviders()];
  const network = await openNetwork(config, environment);
  const options = { environment, transport: network.transport, clock: systemClock, offline, timeoutMs: checkTimeoutMs };
  try {
    return await Promise.all(found.map((provider) => checkProvider(provider, options)));
  } finally {
    await network.close();
  }
}

function noProviders(): ProviderFinding {
  const variables = Object.values(vendors as Record<string, Vendor>).flatMap(
    ({ apiKeyVariable, baseUrl, onlyByName }) =>
      apiKeyVariable === undefined || baseUrl === undefined || onlyByName === true ? [] : [apiKeyVariable],
  );
  return {
    level: "note",
    about: "sim",
    vendor: "the built-in simulator",
    message: "only the built-in simulator answers",
    next: `set a provider's key to add it: ${variables.slice(0, 4).join(", ")}, ...; docs/configuration.md lists all`,
  };
}
