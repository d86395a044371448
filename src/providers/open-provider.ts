import { HeadraceError } from "../core/errors.ts";
import type { CallProvider } from "../core/provider-call.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import { protocols } from "../protocols/all.ts";
import { awsCredentials } from "./aws-credentials.ts";
import { createAwsSignature } from "./aws-signature.ts";
import type { ProtocolQuirks } from "../protocols/protocol.ts";
import type { HttpProviderOptions, Propagate } from "./http-provider.ts";
import { createHttpProvider } from "./http-provider.ts";
import { createProviderCall } from "./provider-call.ts";
import type { CheckProvider } from "./provider-check.ts";
import { createProviderCheck } from "./provider-check.ts";
import type { Transport } from "./transport.ts";
import type { Vendor } from "./vendors.ts";
import { isVendorName, vendors } from "./vendors.ts";

/** A provider as configured; what is left out is the vendor's usual. */
export interface ProviderSettings {
  vendor: string;
  baseUrl?: string | undefined;
  apiKeyVariable?: string | undefined;
  apiKey?: string | undefined;
  headers?: Record<string, string> | undefined;
  region?: string | undefined;
  apiVersion?: string | undefined;
  background?: boolean | undefined;
}

export interface OpenProviderOptions {
  environment: Readonly<Record<string, string | undefined>>;
  transport: Transport;
  clock: Clock;
  propagate?: Propagate;
}

export interface OpenedProvider extends Pick<Vendor, "label" | "protocol" | "modelPrefixes"> {
  source: StreamSource;
  /** For what is passed through as it is; missing where the vendor has nothing of the kind. */
  call?: CallProvider;
  /** Finds out at no cost whether it is there and takes the key; missing where that cannot be told. */
  check?: CheckProvider;
  vendor: string;
}

/**
 * Makes a provider of what is configured and what is known of its vendor.
 *
 * @param name - as it is called in the configuration.
 * @throws HeadraceError `invalid-request` - something that this vendor needs is not configured; the message says where.
 */
export function openProvider(name: string, settings: ProviderSettings, options: OpenProviderOptions): OpenedProvider {
  if (!isVendorName(settings.vendor)) {
    const known = Object.keys(vendors).join(", ");
    throw misconfigured(name, "vendor", `there is no vendor "${settings.vendor}"; known are ${known}`);
  }
  const vendor: Vendor = vendors[settings.vendor];
  const opening = { name, settings, vendor, ...options };
  const region = regionOf(opening);
  const apiKey = apiKeyOf(opening);
  const request: HttpProviderOptions = {
    name,
    protocol: protocols[vendor.protocol],
    baseUrl: baseUrlOf(opening, region),
    quirks: quirksOf(opening),
    transport: options.transport,
    ...(options.propagate !== undefined && { propagate: options.propagate }),
    clock: options.clock,
    ...addressOf(opening),
    ...(apiKey === undefined ? signatureOf(opening, region) : { apiKey }),
    ...(vendor.apiKeyHeader !== undefined && { apiKeyHeader: vendor.apiKeyHeader }),
    headers: { ...vendor.headers, ...settings.headers },
  };
  const { label, protocol, modelPrefixes } = vendor;
  const check = checkOf(opening, request, region);
  return {
    source: createHttpProvider(request),
    // Whoever speaks one of OpenAI's protocols mostly has the rest of its API at the same address.
    ...(protocol.startsWith("openai-") && { call: createProviderCall(request) }),
    ...(check !== undefined && { check }),
    vendor: settings.vendor,
    label,
    protocol,
    ...(modelPrefixes !== undefined && { modelPrefixes }),
  };
}

interface Opening extends OpenProviderOptions {
  name: string;
  settings: ProviderSettings;
  vendor: Vendor;
}

function apiKeyOf({ name, settings, vendor, environment }: Opening): string | undefined {
  const usual = [vendor.apiKeyVariable, vendor.apiKeyFallbackVariable].filter((variable) => variable !== undefined);
  const variables = settings.apiKeyVariable === undefined ? usual : [settings.apiKeyVariable];
  const apiKey = settings.apiKey ?? firstSet(environment, variables);
  if (apiKey === undefined && settings.apiKeyVariable !== undefined) {
    throw misconfigured(name, "apiKeyVariable", `the variable ${settings.apiKeyVariable} is not set`);
  }
  return apiKey;
}

function regionOf({ name, settings, vendor, environment }: Opening): string | undefined {
  const { regionVariables } = vendor;
  if (regionVariables === undefined) return undefined;
  const region = settings.region ?? firstSet(environment, regionVariables);
  if (region === undefined) {
    throw misconfigured(name, "region", `is missing; set it, or ${regionVariables.join(" or ")}`);
  }
  // It becomes part of a host name.
  if (!/^[a-z0-9-]{1,64}$/.test(region)) {
    throw misconfigured(name, "region", `must be like us-east-1, but is ${JSON.stringify(region.slice(0, 80))}`);
  }
  return region;
}

function baseUrlOf({ name, settings, vendor }: Opening, region: string | undefined): string {
  const baseUrl = settings.baseUrl ?? vendor.baseUrl?.replace("{region}", region ?? "");
  if (baseUrl === undefined) {
    throw misconfigured(name, "baseUrl", `is missing; ${vendor.label} is wherever you run it`);
  }
  const { pathname } = new URL(baseUrl);
  return baseUrl.replace(/\/+$/, "") + (pathname === "/" ? (vendor.basePath ?? "") : "");
}

/** Where below the base URL the vendor wants to be asked. */
function addressOf({ name, settings, vendor, environment }: Opening): Pick<HttpProviderOptions, "path" | "query"> {
  const { path, apiVersionVariable } = vendor;
  const fromVariable = apiVersionVariable === undefined ? undefined : firstSet(environment, [apiVersionVariable]);
  const apiVersion = settings.apiVersion ?? fromVariable;
  if (apiVersion === undefined && apiVersionVariable !== undefined) {
    throw misconfigured(name, "apiVersion", `is missing; set it, or ${apiVersionVariable}`);
  }
  return {
    ...(path !== undefined && { path }),
    ...(apiVersion !== undefined && { query: { "api-version": apiVersion } }),
  };
}

function checkOf({ settings, vendor }: Opening, request: HttpProviderOptions, region = ""): CheckProvider | undefined {
  const elsewhere = vendor.check?.baseUrl?.replace("{region}", region);
  if (elsewhere === undefined) return createProviderCheck(request, vendor);
  // A key goes to its configured address only.
  if (settings.baseUrl !== undefined) return undefined;
  return createProviderCheck({ ...request, baseUrl: elsewhere }, vendor);
}

function quirksOf({ name, settings, vendor }: Opening): ProtocolQuirks {
  if (settings.background !== true) return vendor.quirks ?? {};
  if (vendor.protocol === "openai-responses") return { ...vendor.quirks, background: true };
  const able = Object.entries(vendors).flatMap(([other, { protocol }]) =>
    protocol === "openai-responses" ? [other] : [],
  );
  throw misconfigured(name, "background", `${vendor.label} has no answers in the background; ${able.join(", ")} have`);
}

function signatureOf({ vendor, environment, clock }: Opening, region = ""): Pick<HttpProviderOptions, "sign"> {
  const { awsService: service } = vendor;
  if (service === undefined) return {};
  const credentials = awsCredentials({ environment, region, clock });
  return { sign: createAwsSignature({ service, region, credentials, clock }) };
}

function firstSet(environment: OpenProviderOptions["environment"], variables: readonly string[]): string | undefined {
  for (const variable of variables) {
    const text = environment[variable]?.trim();
    if (text !== undefined && text !== "") return text;
  }
  return undefined;
}

function misconfigured(name: string, key: string, problem: string): HeadraceError {
  return new HeadraceError("invalid-request", `providers.${name}.${key}: ${problem}`);
}
