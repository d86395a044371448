import type { ErrorCode, HeadraceError } from "../core/errors.ts";

/**
 * What may help after a failure, before a reader has seen anything: the same target once more, another one, or either,
 * the first named first. Everything not listed here would fail everywhere, or must not be asked twice.
 */
export type Remedy = "again-or-elsewhere" | "elsewhere-or-again" | "elsewhere" | "none";

const remedies: Partial<Record<ErrorCode, Remedy>> = {
  "context-too-long": "elsewhere",
  "model-not-found": "elsewhere",
  "provider-auth": "elsewhere",
  "provider-quota": "elsewhere",
  "response-too-large": "elsewhere",
  // Our own queue for this target is full.
  overloaded: "elsewhere",
  "provider-error": "elsewhere-or-again",
  "provider-unreachable": "elsewhere-or-again",
  "provider-rate-limited": "elsewhere-or-again",
  "provider-overloaded": "elsewhere-or-again",
  "provider-timeout": "elsewhere-or-again",
  "stream-truncated": "elsewhere-or-again",
  "stream-stalled": "elsewhere-or-again",
  "broken-on-request": "elsewhere-or-again",
};

/** What may help after this error. */
export function remedyFor(error: HeadraceError): Remedy {
  const remedy = remedies[error.code] ?? "none";
  if (remedy === "none" || remedy === "elsewhere") return error.shouldRetry === true ? "again-or-elsewhere" : remedy;
  if (error.shouldRetry === false) return "elsewhere";
  if (error.shouldRetry === true) return "again-or-elsewhere";
  // A mistake inside the provider is often gone the next time, while one that is down or overloaded stays so.
  const isMistake = error.code === "provider-error" && (error.providerStatus ?? 0) >= 500;
  const isToldWhen = error.code === "provider-rate-limited" && error.retryAfterMs !== undefined;
  return isMistake || isToldWhen ? "again-or-elsewhere" : remedy;
}
