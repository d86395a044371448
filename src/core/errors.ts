/** HTTP status of each code. The list is closed: protocols, metrics and documentation are written from it. */
const statusByCode = {
  // The caller can do something about these.
  "invalid-request": 400,
  "context-too-long": 400,
  "content-filtered": 400,
  "provider-rejected": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  "model-not-found": 404,
  "stream-not-found": 404,
  "method-not-allowed": 405,
  "request-timeout": 408,
  "cursor-invalid": 409,
  "idempotency-conflict": 409,
  "cannot-break": 409,
  "cursor-expired": 410,
  "request-too-large": 413,
  "unsupported-media-type": 415,
  "rate-limited": 429,
  "headers-too-large": 431,
  // The stream was stopped on purpose.
  cancelled: 499,
  // A mistake of ours.
  internal: 500,
  // A provider answered wrongly, refused our credentials, or its answer broke off.
  "provider-auth": 502,
  "provider-quota": 502,
  "provider-error": 502,
  "provider-unreachable": 502,
  "stream-truncated": 502,
  "response-too-large": 502,
  "interrupted-tool-call": 502,
  "stream-interrupted": 502,
  // The connection to a provider was broken because the stream's owner asked for it.
  "broken-on-request": 502,
  // Nobody can serve this now; coming back later may help.
  overloaded: 503,
  "provider-rate-limited": 503,
  "provider-overloaded": 503,
  "log-unavailable": 503,
  "stream-stalled": 504,
  "provider-timeout": 504,
  "total-timeout": 504,
  "storage-full": 507,
} as const;

export type ErrorCode = keyof typeof statusByCode;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(statusByCode, value);
}

/** What of an error goes into the log and to clients: our own words, never a provider's text. */
export interface ErrorReport {
  code: ErrorCode;
  message: string;
  /** The request field at fault, in the words of the protocol it was sent in. */
  param?: string;
  /** The provider's own short code, such as `invalid_json_schema`. Identifiers only, never prose. */
  providerCode?: string;
  /** How long to wait before asking again, in milliseconds. */
  retryAfterMs?: number;
}

export interface HeadraceErrorOptions extends Omit<ErrorReport, "code" | "message"> {
  cause?: unknown;
  /** HTTP status of the provider's answer, when there was one. */
  providerStatus?: number;
  /** The provider said itself whether asking again makes sense. */
  shouldRetry?: boolean;
  /** A connection that was kept from an earlier answer closed before a byte of this one came. */
  onReusedConnection?: boolean;
}

/**
 * The only error that Headrace throws on purpose.
 *
 * Match on `code`; `message` says what happened, to what, and what to do next.
 */
export class HeadraceError extends Error {
  override readonly name = "HeadraceError";
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly providerCode: string | undefined;
  readonly providerStatus: number | undefined;
  /** From the provider's Retry-After or the caller's own limit, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly shouldRetry: boolean | undefined;
  readonly onReusedConnection: boolean;

  constructor(code: ErrorCode, message: string, options: HeadraceErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.providerCode = options.providerCode;
    this.providerStatus = options.providerStatus;
    this.retryAfterMs = options.retryAfterMs;
    this.shouldRetry = options.shouldRetry;
    this.onReusedConnection = options.onReusedConnection ?? false;
  }

  /** HTTP status for clients, 400 to 599. */
  get status(): number {
    return statusByCode[this.code];
  }

  report(): ErrorReport {
    const report: ErrorReport = { code: this.code, message: this.message };
    if (this.param !== undefined) report.param = this.param;
    if (this.providerCode !== undefined) report.providerCode = this.providerCode;
    if (this.retryAfterMs !== undefined) report.retryAfterMs = this.retryAfterMs;
    return report;
  }
}

/**
 * Why work is aborted that nobody waits for any more. One for all: an `abort()` without a reason makes an exception with
 * a stack trace each time, which is a good part of what a short stream costs.
 */
export const nobodyWaits = new HeadraceError("cancelled", "nobody waits for this any more");

export function errorFromReport(report: ErrorReport): HeadraceError {
  return new HeadraceError(report.code, report.message, report);
}

/** Makes any thrown value a HeadraceError; what we did not foresee becomes `internal`, its text kept as cause only. */
export function toHeadraceError(error: unknown): HeadraceError {
  if (error instanceof HeadraceError) return error;
  return new HeadraceError("internal", "Headrace failed unexpectedly; the cause is in its log under the request id", {
    cause: error,
  });
}

/** The end of every exhaustive `switch`: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new HeadraceError("internal", `unhandled case ${JSON.stringify(value)}`);
}
