import type { HeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import { type HttpProviderOptions, readFailure, requestHeaders } from "./http-provider.ts";
import { readText } from "./transport.ts";
import type { Vendor } from "./vendors.ts";

/** What a provider said to a call that generates nothing. */
export interface ProviderCheck {
  /** Without its query. */
  url: string;
  status: number;
  /** The provider's own clock, from its `date` header, in milliseconds since the epoch. */
  providerTimeMs?: number;
  /** Why it refused; missing when it did not. */
  failure?: HeadraceError;
  /** Only a valid key gets an answer here. */
  provesKey: boolean;
}

/**
 * Asks a provider for something that costs nothing.
 *
 * @throws HeadraceError `provider-unreachable` - there was no answer at all.
 * @throws the signal's reason when aborted.
 */
export type CheckProvider = (signal: AbortSignal) => Promise<ProviderCheck>;

/** Where each protocol lists models, below the base URL. */
const modelLists: Partial<Record<ProtocolName, string>> = {
  "openai-chat": "/models",
  "openai-responses": "/models",
  "anthropic-messages": "/v1/models",
  gemini: "/models",
  "ollama-chat": "/api/tags",
};

/** The free call that checks a provider's key; undefined where there is none. `baseUrl` is that of the check. */
export function createProviderCheck(
  options: HttpProviderOptions,
  { check, protocol }: Pick<Vendor, "check" | "protocol">,
): CheckProvider | undefined {
  const path = check?.path ?? modelLists[protocol];
  if (path === undefined) return undefined;
  const provesKey = check?.answersAnyone !== true && (options.apiKey !== undefined || options.sign !== undefined);
  return (signal) => callCheck(options, { path, provesKey, signal });
}

interface CheckCall {
  path: string;
  provesKey: boolean;
  signal: AbortSignal;
}

async function callCheck(options: HttpProviderOptions, { path, provesKey, signal }: CheckCall): Promise<ProviderCheck> {
  const { baseUrl, query, sign, transport, protocol } = options;
  const url = baseUrl + path;
  const fullUrl = query === undefined ? url : `${url}?${new URLSearchParams(query).toString()}`;
  const unsigned: Record<string, string> = { ...requestHeaders(options), accept: "application/json" };
  delete unsigned["content-type"];
  const headers =
    sign === undefined ? unsigned : await sign({ method: "GET", url: fullUrl, headers: unsigned, body: "" });
  const response = await transport({ method: "GET", url: fullUrl, headers, signal });
  const { status } = response;
  const providerTimeMs = Date.parse(response.headers["date"] ?? "");
  const answer = { url, status, provesKey, ...(Number.isNaN(providerTimeMs) ? {} : { providerTimeMs }) };
  if (status < 200 || status > 299) return { ...answer, failure: await readFailure(response, protocol) };
  // What it says is of no interest, but a body that breaks off is no answer.
  await readText(response.body, maxListBytes);
  return answer;
}

const maxListBytes = 1024 * 1024;
