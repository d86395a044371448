import type { ErrorCode, ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { parseObject } from "./json-values.ts";
import * as openaiErrors from "./openai-chat-errors.ts";
import type { ProviderFailure, WholeResponse } from "./protocol.ts";
import { readProviderWord } from "./provider-word.ts";

const codesOfTypes: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ["invalid_request_error", "provider-rejected"],
  ["request_too_large", "provider-rejected"],
  ["conflict_error", "provider-rejected"],
  ["authentication_error", "provider-auth"],
  ["permission_error", "provider-auth"],
  ["billing_error", "provider-quota"],
  ["not_found_error", "model-not-found"],
  ["rate_limit_error", "provider-rate-limited"],
  ["timeout_error", "provider-timeout"],
  ["overloaded_error", "provider-overloaded"],
  ["api_error", "provider-error"],
]);

const messages: Partial<Record<ErrorCode, string>> = {
  "provider-rejected": "the provider refused the request as invalid",
  "provider-auth": "the provider refused the credentials it was called with",
  "provider-quota": "the provider account has no credit or quota left",
  "model-not-found": "the provider does not know this model",
  "provider-rate-limited": "the provider limits how often it may be asked; try again later",
  "provider-timeout": "the provider took too long",
  "provider-overloaded": "the provider is overloaded",
  "context-too-long": "the request is too long for the model",
};

/** The error in an event of a stream; undefined when it is none. */
export function readStreamError(frame: JsonObject, eventName: string | undefined): ErrorReport | undefined {
  const { type, error } = frame;
  const isError = type === "error" || eventName === "error" || (type === undefined && isJsonObject(error));
  if (!isError) return undefined;
  const own = isJsonObject(error) ? classify(error) : undefined;
  return own ?? openaiErrors.readStreamError(frame) ?? { code: "provider-error", message: "the provider failed" };
}

/** A provider's refusal to answer at all. */
export function readError(failure: ProviderFailure): HeadraceError {
  // Proxies and compatible servers answer in other shapes, which are understood there; so is Retry-After.
  const general = openaiErrors.readError(failure);
  const error = findError(failure.body);
  const own = error === undefined ? undefined : classify(error);
  if (own === undefined) return general;
  return new HeadraceError(own.code, `${own.message} (HTTP ${failure.status})`, {
    ...(own.providerCode !== undefined && { providerCode: own.providerCode }),
    ...(general.retryAfterMs !== undefined && { retryAfterMs: general.retryAfterMs }),
    providerStatus: failure.status,
  });
}

function findError(body: string): JsonObject | undefined {
  // A page of some proxy has none; its status has to do.
  const error = parseObject(body)?.["error"];
  return isJsonObject(error) ? error : undefined;
}

function classify({ type, message, details }: JsonObject): ErrorReport | undefined {
  if (typeof type !== "string") return undefined;
  const code = codesOfTypes.get(type);
  if (code === undefined) return undefined;
  const found = code === "provider-rejected" && typeof message === "string" ? codeOfText(message) : code;
  const detail = isJsonObject(details) ? details["error_code"] : undefined;
  return {
    code: found,
    message: messages[found] ?? "the provider failed",
    providerCode: readProviderWord(detail) ?? type,
  };
}

/** These have no type of their own: only the text tells. */
function codeOfText(message: string): ErrorCode {
  if (/prompt is too long|context (window|limit|length)|exceeds? the (model's )?(maximum )?context/i.test(message)) {
    return "context-too-long";
  }
  return /credit balance/i.test(message) ? "provider-quota" : "provider-rejected";
}

const typesOfStatus: ReadonlyMap<number, string> = new Map([
  [400, "invalid_request_error"],
  [401, "authentication_error"],
  [402, "billing_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [409, "conflict_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [503, "overloaded_error"],
  [504, "timeout_error"],
  [529, "overloaded_error"],
]);

function typeOfCode(code: ErrorCode, status: number): string {
  if (code === "provider-rate-limited") return "rate_limit_error";
  return typesOfStatus.get(status) ?? (status >= 500 || status === 499 ? "api_error" : "invalid_request_error");
}

/** The error object that Anthropic's clients expect, in a body or in a stream. */
export function writeErrorBody(error: HeadraceError, requestId?: string): JsonObject {
  const { code, message, status, param, providerCode } = error;
  return {
    type: "error",
    error: {
      type: typeOfCode(code, status),
      message,
      details: { error_code: code.replaceAll("-", "_"), param, provider_code: providerCode },
    },
    request_id: requestId,
  };
}

export function writeError(error: HeadraceError, requestId: string): WholeResponse {
  const { headers, status } = openaiErrors.writeError(error, requestId);
  const isOverload = error.code === "overloaded" || error.code === "provider-overloaded";
  return {
    status: isOverload ? 529 : status,
    headers: { ...headers, "request-id": requestId },
    body: writeErrorBody(error, requestId),
  };
}
