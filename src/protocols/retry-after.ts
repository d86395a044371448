import type { ErrorCode, HeadraceError } from "../core/errors.ts";

/** `retry-after-ms`, or `retry-after` in seconds or as a date, counted from the answer's own `date`; in milliseconds. */
export function readRetryAfter(headers: Record<string, string>): number | undefined {
  const inMs = headers["retry-after-ms"];
  if (inMs !== undefined && isDecimal(inMs)) return Number(inMs);
  const text = headers["retry-after"];
  if (text === undefined) return undefined;
  if (isDecimal(text)) return Number(text) * 1000;
  const waitMs = Date.parse(text) - Date.parse(headers["date"] ?? "");
  return waitMs >= 0 ? waitMs : undefined;
}

function isDecimal(text: string): boolean {
  return /^\d{1,12}(\.\d{1,6})?$/.test(text.trim());
}

// Headrace itself has tried again where that made sense; a client that did so too would multiply the calls.
const finalCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "cursor-invalid",
  "idempotency-conflict",
  "provider-auth",
  "provider-quota",
  "provider-error",
  "provider-unreachable",
  "provider-rate-limited",
  "provider-overloaded",
  "provider-timeout",
  "total-timeout",
  "stream-truncated",
  "stream-interrupted",
  "stream-stalled",
  "response-too-large",
  "interrupted-tool-call",
  "broken-on-request",
]);

/** What tells clients, in any protocol, whether and when to ask again. */
export function writeRetryHeaders(error: HeadraceError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.ceil(error.retryAfterMs / 1000));
    headers["retry-after-ms"] = String(Math.ceil(error.retryAfterMs));
  }
  if (finalCodes.has(error.code)) headers["x-should-retry"] = "false";
  return headers;
}
