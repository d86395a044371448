import type { Config, ProviderConfig } from "../../config.ts";
import { isLoopback } from "../../config.ts";
import { type Environment, providersFromEnvironment } from "../../config/environment.ts";
import { HeadraceError } from "../../core/errors.ts";
import type { Clock } from "../../core/time.ts";
import { openProvider } from "../../providers/open-provider.ts";
import type { CheckProvider } from "../../providers/provider-check.ts";
import type { Transport } from "../../providers/transport.ts";
import { isVendorName, type Vendor, vendors } from "../../providers/vendors.ts";
import { judgeCheck, judgeFailedCheck } from "./credentials.ts";
import type { Finding } from "./finding.ts";
import type { SourceOfVariable } from "./variable-sources.ts";

export interface FoundProvider {
  name: string;
  settings: ProviderConfig;
  vendor: Vendor | undefined;
  /** The variables or the file that made it appear. */
  foundBy: string;
}

export interface ProviderFinding extends Finding {
  vendor: string;
  /** By how much the provider's clock is ahead of ours; it counts in whole seconds. */
  clockAheadMs?: number;
}

export interface CheckOptions {
  environment: Environment;
  transport: Transport;
  clock: Clock;
  /** Calls go to this machine only. */
  offline: boolean;
  timeoutMs: number;
}

/** Every provider that can be asked, the simulator aside. */
export function findProviders(
  config: Config,
  environment: Environment,
  { file, sourceOf }: { file: string; sourceOf: SourceOfVariable },
): FoundProvider[] {
  const fromVariables = providersFromEnvironment(environment, vendors);
  const all = { ...fromVariables, ...config.providers };
  return Object.entries(all).map(([name, settings]) => {
    const vendor: Vendor | undefined = isVendorName(settings.vendor) ? vendors[settings.vendor] : undefined;
    const isSet = (variable: string | undefined) => variable !== undefined && Boolean(environment[variable]?.trim());
    const used = variablesOf(settings, vendor).filter(isSet).map(sourceOf);
    const isConfigured = Object.hasOwn(config.providers, name);
    return { name, settings, vendor, foundBy: (isConfigured ? [file, ...used] : used).join(", ") };
  });
}

function variablesOf(
  { apiKeyVariable, apiKey, baseUrl, region }: ProviderConfig,
  vendor: Vendor | undefined,
): string[] {
  const usual = apiKey === undefined ? [vendor?.apiKeyVariable, vendor?.apiKeyFallbackVariable] : [];
  const keys = apiKeyVariable === undefined ? usual : [apiKeyVariable];
  const address = baseUrl === undefined ? [] : [vendor?.baseUrlVariable];
  const regions = region === undefined ? (vendor?.regionVariables ?? []) : [];
  const further = (vendor?.appearsWith ?? []).flat().filter((variable) => variable !== vendor?.apiKeyVariable);
  const all = [...keys, ...address, ...regions, ...further, vendor?.apiVersionVariable];
  return [...new Set(all.filter((variable) => variable !== undefined))];
}

/** Asks one provider for something that costs nothing. */
export async function checkProvider(found: FoundProvider, options: CheckOptions): Promise<ProviderFinding> {
  const { name, settings, vendor, foundBy } = found;
  const about = { about: name, foundBy, vendor: vendor?.label ?? settings.vendor };
  let check: CheckProvider | undefined;
  try {
    ({ check } = openProvider(name, settings, options));
  } catch (error) {
    if (!(error instanceof HeadraceError)) throw error;
    return { ...about, level: "problem", message: error.message, next: "mend it in the configuration, or take it out" };
  }
  const isHere = isLocal(settings.baseUrl ?? vendor?.baseUrl);
  if (options.offline && !isHere) return { ...about, level: "note", message: "not called, because of --offline" };
  if (check === undefined) {
    return { ...about, level: "note", message: "not checked: there is no call for it that costs nothing" };
  }
  return { ...about, ...(await runCheck(check, found, options)) };
}

async function runCheck(
  check: CheckProvider,
  found: FoundProvider,
  { clock, timeoutMs }: CheckOptions,
): Promise<Omit<Finding, "about"> & Pick<ProviderFinding, "clockAheadMs">> {
  const startedAt = clock.elapsed();
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const result = await check(signal);
    const ms = Math.round(clock.elapsed() - startedAt);
    // The answer was written about half way between the call and now.
    const clockAheadMs =
      result.providerTimeMs === undefined ? undefined : result.providerTimeMs - (clock.now() - ms / 2);
    return { ...judgeCheck(result, found), ms, ...(clockAheadMs !== undefined && { clockAheadMs }) };
  } catch (error) {
    return judgeFailedCheck(error, found, signal.aborted ? timeoutMs : undefined);
  }
}

function isLocal(address: string | undefined): boolean {
  return address !== undefined && URL.canParse(address) && isLoopback(new URL(address).hostname);
}
