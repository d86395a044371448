import type { Config, ProviderConfig } from "../config.ts";
import type { Environment } from "../config/environment.ts";
import { providersFromEnvironment } from "../config/environment.ts";
import { simulatorModels } from "../providers/simulator/models.ts";
import type { Vendor } from "../providers/vendors.ts";
import { isVendorName, vendors } from "../providers/vendors.ts";
import { TelemetryNames } from "../telemetry/names.ts";

/** Providers by name, configured or found by their variables. */
export type FoundProviders = Readonly<Record<string, ProviderConfig>>;

export function findProviders(config: Config, environment: Environment): FoundProviders {
  return { ...providersFromEnvironment(environment, vendors), ...config.providers };
}

/** Whose models a provider of this name has; undefined when there is none. */
export function vendorOf(
  found: FoundProviders,
  name: string,
): { vendor: string; baseUrl?: string | undefined } | undefined {
  return Object.hasOwn(found, name) ? found[name] : name === "sim" ? { vendor: "simulator" } : undefined;
}

/** Names that metrics may show. */
export function namesIn(config: Config, found: FoundProviders): TelemetryNames {
  const providers = Object.entries(found).map(([name, { vendor, baseUrl, models }]) => {
    const usual = isVendorName(vendor) ? (vendors[vendor] as Vendor).baseUrl : undefined;
    return [name, { vendor, baseUrl: baseUrl ?? usual, models }] as const;
  });
  const simulator = { sim: { vendor: "simulator", models: simulatorModels } };
  const routes = Object.entries(config.routes).map(([name, { targets }]) => {
    return [name, targets.map((target) => (typeof target === "string" ? target : target.target))] as const;
  });
  return new TelemetryNames({
    providers: { ...simulator, ...Object.fromEntries(providers) },
    routes: Object.fromEntries(routes),
    models: [...Object.keys(config.models), ...config.telemetry.models],
  });
}
