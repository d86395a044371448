import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { ProviderFailure, WholeResponse } from "./protocol.ts";
import { readProviderWord } from "./provider-word.ts";
import { readRetryAfter } from "./retry-after.ts";

/** The error in a chunk; undefined when it is none. */
export function readStreamError(value: unknown): ErrorReport | undefined {
  if (!isJsonObject(value)) return undefined;
  const { error } = value;
  if (isJsonObject(error)) return classify(error, undefined);
  return error === undefined || error === null ? undefined : classify({}, undefined);
}

/** A provider's refusal to answer at all. */
export function readError({ status, headers, body }: ProviderFailure): HeadraceError {
  const error = findError(body);
  const { code, message, providerCode, retryAfterMs = readRetryAfter(headers) } = classify(error, status);
  return new HeadraceError(code, `${message} (HTTP ${status})`, {
    ...(providerCode !== undefined && { providerCode }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    providerStatus: status,
  });
}

/** The `error` of a body, which streaming addresses put into a list. */
function findError(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return isJsonObject(first) && isJsonObject(first["error"]) ? first["error"] : {};
  } catch {
    // A page of some proxy; the status has to do.
    return {};
  }
}

/** The details of an error that we know, by the last part of their type's name. */
interface Details {
  reason: string | undefined;
  retryAfterMs: number | undefined;
  isDailyQuota: boolean;
}

function readDetails(details: Json | undefined): Details {
  const found: Details = { reason: undefined, retryAfterMs: undefined, isDailyQuota: false };
  for (const detail of Array.isArray(details) ? details : []) {
    if (!isJsonObject(detail)) continue;
    const type = detail["@type"];
    if (typeof type !== "string") continue;
    if (type.endsWith("ErrorInfo")) found.reason ??= readProviderWord(detail["reason"]);
    if (type.endsWith("RetryInfo")) found.retryAfterMs ??= readDuration(detail["retryDelay"]);
    // Whoever has used up a day's quota does not get it back by waiting a little.
    if (type.endsWith("QuotaFailure") && /PerDay/i.test(JSON.stringify(detail))) found.isDailyQuota = true;
  }
  return found;
}

/** A duration as Google writes it, such as `12s` or `0.5s`. */
function readDuration(value: Json | undefined): number | undefined {
  const [, seconds] = typeof value === "string" ? (/^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(value) ?? []) : [];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

function classify(error: JsonObject, httpStatus: number | undefined): ErrorReport {
  const { reason, retryAfterMs, isDailyQuota } = readDetails(error["details"]);
  const word = readProviderWord(error["status"]);
  const numeric = [httpStatus, error["code"]].find(
    (value) => typeof value === "number" && value >= 400 && value <= 599,
  ) as number | undefined;
  const code = codeOf({ word, reason, numeric, isDailyQuota, text: error["message"] });
  const providerCode = reason ?? word;
  return {
    code,
    message: messages[code] ?? "the provider failed",
    ...(providerCode !== undefined && { providerCode }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

interface Clues {
  word: string | undefined;
  reason: string | undefined;
  numeric: number | undefined;
  isDailyQuota: boolean;
  text: Json | undefined;
}

const codesOfWords: Readonly<Record<string, ErrorCode>> = {
  UNAUTHENTICATED: "provider-auth",
  PERMISSION_DENIED: "provider-auth",
  NOT_FOUND: "model-not-found",
  RESOURCE_EXHAUSTED: "provider-rate-limited",
  UNAVAILABLE: "provider-overloaded",
  DEADLINE_EXCEEDED: "provider-timeout",
  INVALID_ARGUMENT: "provider-rejected",
  FAILED_PRECONDITION: "provider-rejected",
  OUT_OF_RANGE: "provider-rejected",
  UNIMPLEMENTED: "provider-rejected",
};

function codeOf({ word, reason, numeric, isDailyQuota, text }: Clues): ErrorCode {
  // A wrong key is a bad request as far as the status goes.
  if (reason?.startsWith("API_KEY") === true) return "provider-auth";
  const code = (word === undefined ? undefined : codesOfWords[word]) ?? codeOfStatus(numeric, word !== undefined);
  if (code === "provider-rate-limited" && isDailyQuota) return "provider-quota";
  // There is no word of its own for it; the text is looked at here and goes no further.
  const isTooLong = typeof text === "string" && /token count|context (window|length)/i.test(text);
  return code === "provider-rejected" && isTooLong ? "context-too-long" : code;
}

function codeOfStatus(status: number | undefined, hasErrorBody: boolean): ErrorCode {
  if (status === undefined) return "provider-error";
  if (status === 401 || status === 403) return "provider-auth";
  if (status === 402) return "provider-quota";
  // Without an error of the protocol, it is not the model that is missing but the page.
  if (status === 404) return hasErrorBody ? "model-not-found" : "provider-error";
  if (status === 408 || status === 504) return "provider-timeout";
  if (status === 429) return "provider-rate-limited";
  if (status === 502 || status === 503) return "provider-overloaded";
  return status >= 500 ? "provider-error" : "provider-rejected";
}

const messages: Partial<Record<ErrorCode, string>> = {
  "provider-quota": "the provider account has no quota left for today",
  "provider-rate-limited": "the provider limits how often it may be asked; try again later",
  "context-too-long": "the request is too long for the model",
  "model-not-found": "the provider does not know this model",
  "provider-auth": "the provider refused the credentials it was called with",
  "provider-overloaded": "the provider is overloaded",
  "provider-timeout": "the provider took too long",
  "provider-rejected": "the provider refused the request as invalid",
};

const words: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  410: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
  507: "RESOURCE_EXHAUSTED",
};

/** The `error` object that Google's clients expect, in a body or in a stream. */
export function writeErrorObject(error: HeadraceError): JsonObject {
  const { code, status, message, param, providerCode, retryAfterMs } = error;
  const metadata = { ...(param !== undefined && { param }), ...(providerCode !== undefined && { providerCode }) };
  const details: JsonObject[] = [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: code.replaceAll("-", "_").toUpperCase(),
      domain: "headrace",
      metadata,
    },
  ];
  if (retryAfterMs !== undefined) {
    details.push({
      "@type": "type.googleapis.com/google.rpc.RetryInfo",
      retryDelay: `${Math.ceil(retryAfterMs / 1000)}s`,
    });
  }
  const word = words[status] ?? (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
  return { code: status, message, status: word, details };
}

export function writeError(error: HeadraceError, requestId: string): WholeResponse {
  const headers: Record<string, string> = { "x-request-id": requestId };
  if (error.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
  return { status: error.status, headers, body: { error: writeErrorObject(error) } };
}
