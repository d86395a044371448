import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { ProviderFailure, WholeResponse } from "./protocol.ts";
import { readProviderWord } from "./provider-word.ts";
import { readRetryAfter, writeRetryHeaders } from "./retry-after.ts";

/** The error in a stream event; undefined when it is none. */
export function readStreamError(value: unknown): ErrorReport | undefined {
  if (!isJsonObject(value)) return undefined;
  const error = findError(value);
  return error === undefined ? undefined : classify(error, undefined);
}

/** A provider's refusal to answer at all. */
export function readError({ status, headers, body }: ProviderFailure): HeadraceError {
  const error = findError(parseObject(body)) ?? {};
  const report = classify(error, status);
  const param = readProviderWord(error["param"], /^[\w.[\]$-]+$/);
  const retryAfterMs = readRetryAfter(headers);
  return new HeadraceError(report.code, report.message, {
    ...(report.providerCode !== undefined && { providerCode: report.providerCode }),
    ...(param !== undefined && { param }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    providerStatus: status,
  });
}

/** Where vendors put their errors: in `error`, in `x_groq.error`, or at the top of an object that is nothing else. */
function findError(value: JsonObject): JsonObject | undefined {
  const groq = value["x_groq"];
  for (const error of [value["error"], isJsonObject(groq) ? groq["error"] : undefined]) {
    if (isJsonObject(error)) return error;
    if (typeof error === "string" && error !== "") return {};
  }
  if (Array.isArray(value["choices"])) return undefined;
  const { object, type, message, detail, code, status } = value;
  if (object === "error" || type === "error") return value;
  const hasReason = code !== undefined || status !== undefined || type !== undefined;
  return (typeof message === "string" && hasReason) || detail !== undefined ? value : undefined;
}

/** From the error's own words where it has any that we know, else from its status. */
function classify(error: JsonObject, httpStatus: number | undefined): ErrorReport {
  const { code, type, status } = error;
  const metadata = isJsonObject(error["metadata"]) ? error["metadata"] : {};
  const inner = isJsonObject(error["innererror"]) ? error["innererror"]["code"] : undefined;
  const words = [code, metadata["error_type"], type, inner, status].map((word) => readProviderWord(word));
  const numeric = [httpStatus, code, status].find((value) => typeof value === "number" && value >= 400 && value <= 599);
  const ownCode = words
    .map((word) => (word === undefined ? undefined : codeOfWord(word)))
    .find((found) => found !== undefined);
  const foundCode = ownCode ?? codeOfStatus(numeric as number | undefined, Object.keys(error).length > 0);
  const providerCode = words.find((word) => word !== undefined);
  return {
    code: foundCode,
    message: messageOf(foundCode, httpStatus),
    ...(providerCode !== undefined && { providerCode }),
  };
}

const codesOfWords: readonly [RegExp, ErrorCode][] = [
  [/insufficient_quota|billing|payment_required|credit|quota_exceeded/, "provider-quota"],
  [/rate_?limit|too_?many_?requests|throttl/, "provider-rate-limited"],
  [/context_length|context_window|string_above_max_length|max_tokens_exceeded/, "context-too-long"],
  [/content_?filter|content_policy|responsibleai|moderation/, "content-filtered"],
  [/model_not_found|model_not_exist|deployment_?not_?found/, "model-not-found"],
  [/authentication|invalid_api_key|permission|unauthorized|forbidden|access_denied/, "provider-auth"],
  [/overload|unavailable|capacity|engine_busy/, "provider-overloaded"],
  [/time_?d?_?out|deadline/, "provider-timeout"],
  [/invalid_json_schema|invalid_prompt|unprocessable|payload_too_large|bad_?request/, "provider-rejected"],
];

function codeOfWord(word: string): ErrorCode | undefined {
  const lower = word.toLowerCase();
  return codesOfWords.find(([pattern]) => pattern.test(lower))?.[1];
}

function codeOfStatus(status: number | undefined, hasErrorBody: boolean): ErrorCode {
  switch (status) {
    case undefined:
      return "provider-error";
    case 401:
    case 403:
      return "provider-auth";
    case 402:
      return "provider-quota";
    case 404:
      // Without an error of the protocol, it is not the model that is missing but the page.
      return hasErrorBody ? "model-not-found" : "provider-error";
    case 408:
    case 504:
    case 524:
      return "provider-timeout";
    case 429:
      return "provider-rate-limited";
    case 498:
    case 502:
    case 503:
    case 529:
      return "provider-overloaded";
    default:
      return status >= 500 ? "provider-error" : "provider-rejected";
  }
}

const messages: Partial<Record<ErrorCode, string>> = {
  "provider-quota": "the provider account has no credit or quota left",
  "provider-rate-limited": "the provider limits how often it may be asked; try again later",
  "context-too-long": "the request is too long for the model",
  "content-filtered": "the provider's content filter stopped this request",
  "model-not-found": "the provider does not know this model",
  "provider-auth": "the provider refused the credentials it was called with",
  "provider-overloaded": "the provider is overloaded",
  "provider-timeout": "the provider took too long",
  "provider-rejected": "the provider refused the request as invalid",
};

function messageOf(code: ErrorCode, status: number | undefined): string {
  const message = messages[code] ?? "the provider failed";
  return status === undefined ? message : `${message} (HTTP ${status})`;
}

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    // Google's compatible endpoint wraps its error in an array.
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return isJsonObject(first) ? first : {};
  } catch {
    // A page of some proxy; the status has to do.
    return {};
  }
}

/** Where OpenAI has a code for the same thing, clients look for that one. */
const openAiCodes: Partial<Record<ErrorCode, string>> = {
  "context-too-long": "context_length_exceeded",
  "content-filtered": "content_filter",
  "rate-limited": "rate_limit_exceeded",
  unauthorized: "invalid_api_key",
};

function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** The `error` object that OpenAI's clients expect, in a body or in a stream. */
export function writeErrorObject(error: HeadraceError): JsonObject {
  return {
    message: error.message,
    type: errorType(error.status),
    param: error.param ?? null,
    code: openAiCodes[error.code] ?? error.code.replaceAll("-", "_"),
    provider_code: error.providerCode,
  };
}

export function writeError(error: HeadraceError, requestId: string): WholeResponse {
  const headers = { "x-request-id": requestId, ...writeRetryHeaders(error) };
  return { status: error.status, headers, body: { error: writeErrorObject(error) } };
}
