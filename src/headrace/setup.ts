import type { Config, ProviderConfig } from "../config.ts";
import { maskSecrets } from "../config/mask-secrets.ts";
import type { Environment } from "../config/environment.ts";
import type { Vendor } from "../providers/vendors.ts";
import { vendors } from "../providers/vendors.ts";
import type { SetupReport } from "../records/trace.ts";

export interface SetupOptions {
  config: Config;
  /** Configured, or found by their variables. */
  found: Readonly<Record<string, ProviderConfig>>;
  environment: Environment;
  version: string;
  /** What was noticed when the configuration was read. */
  warnings: readonly string[];
}

const known: Readonly<Record<string, Vendor>> = vendors;

/** What there is to work with, for people to look at: no secret in it. */
export function describeSetup(options: SetupOptions): SetupReport {
  const { config, found, environment, version, warnings } = options;
  const masked = maskSecrets(config);
  const providers: SetupReport["providers"] = Object.entries(found).map(([name, provider]) => ({
    name,
    vendor: provider.vendor,
    label: known[provider.vendor]?.label ?? provider.vendor,
    hasKey: hasKey(provider, environment),
    ...(provider.models !== undefined && { models: provider.models }),
  }));
  if (!Object.hasOwn(found, "sim")) {
    providers.push({ name: "sim", vendor: "simulator", label: "the simulator", hasKey: false });
  }
  return {
    version,
    providers,
    missing: missingIn(found),
    // Own models are functions: their names are all there is to show.
    config: { ...masked, models: Object.keys(config.models) },
    warnings: [...warnings],
  };
}

function hasKey({ vendor, apiKey, apiKeyVariable }: ProviderConfig, environment: Environment): boolean {
  if (apiKey !== undefined) return true;
  const { apiKeyVariable: usual, apiKeyFallbackVariable: other } = known[vendor] ?? {};
  const variables = apiKeyVariable === undefined ? [usual, other] : [apiKeyVariable];
  return variables.some((name) => name !== undefined && (environment[name] ?? "").trim() !== "");
}

/** Vendors that a variable would make appear. */
function missingIn(found: SetupOptions["found"]): SetupReport["missing"] {
  const there = new Set(Object.values(found).map(({ vendor }) => vendor));
  return Object.entries(known).flatMap(([vendor, { apiKeyVariable, baseUrl, baseUrlVariable, local, onlyByName }]) => {
    if (there.has(vendor) || onlyByName === true) return [];
    const variable = local === true ? baseUrlVariable : baseUrl === undefined ? undefined : apiKeyVariable;
    return variable === undefined ? [] : [{ vendor, variable }];
  });
}
