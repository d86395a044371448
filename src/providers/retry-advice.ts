import { HeadraceError } from "../core/errors.ts";

/**
 * Adds to a provider's refusal what its headers say about asking again: `x-should-retry` in so many words, and, where
 * there was no Retry-After, when the limit that is used up is renewed.
 */
export function withRetryAdvice(error: HeadraceError, headers: Readonly<Record<string, string>>): HeadraceError {
  const word = headers["x-should-retry"];
  const shouldRetry = word === "true" ? true : word === "false" ? false : undefined;
  const isLimited = error.code === "provider-rate-limited" && error.retryAfterMs === undefined;
  const retryAfterMs = isLimited ? readLimitReset(headers) : error.retryAfterMs;
  if (shouldRetry === undefined && retryAfterMs === error.retryAfterMs) return error;
  return new HeadraceError(error.code, error.message, {
    ...error.report(),
    cause: error.cause,
    ...(error.providerStatus !== undefined && { providerStatus: error.providerStatus }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(shouldRetry !== undefined && { shouldRetry }),
  });
}

const limits = ["requests", "tokens", "input-tokens", "output-tokens"];

/** The longest wait for a limit of which nothing remains. */
function readLimitReset(headers: Readonly<Record<string, string>>): number | undefined {
  const waits = limits.flatMap((limit) => {
    const remaining = headers[`x-ratelimit-remaining-${limit}`] ?? headers[`anthropic-ratelimit-${limit}-remaining`];
    const reset = headers[`x-ratelimit-reset-${limit}`] ?? headers[`anthropic-ratelimit-${limit}-reset`];
    const waitMs = remaining === "0" && reset !== undefined ? readReset(reset, headers["date"]) : undefined;
    return waitMs === undefined ? [] : [waitMs];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `6m0s` or `20ms`, plain seconds, or a date counted from the answer's own. */
function readReset(text: string, date: string | undefined): number | undefined {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Number(text) * 1_000;
  if (/^(\d{1,9}(\.\d{1,9})?(ms|s|m|h|d))+$/.test(text)) {
    let waitMs = 0;
    for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) {
      waitMs += Number(amount) * (unitsMs[unit ?? "s"] ?? 0);
    }
    return waitMs;
  }
  const waitMs = Date.parse(text) - Date.parse(date ?? "");
  return waitMs >= 0 ? waitMs : undefined;
}
