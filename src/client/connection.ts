import { type ErrorCode, HeadraceError, isErrorCode } from "../core/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import type { Clock, Randomness } from "../core/time.ts";

/** How long to go on trying when the server cannot be reached. Counted anew after every event that arrives. */
export interface RetryLimits {
  /** Calls in a row without any progress. */
  maxTries: number;
  /** Time without any progress, in milliseconds. */
  maxTotalMs: number;
}

export interface Connection {
  baseUrl: string;
  headers: Record<string, string>;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  clock: Clock;
  random: Randomness;
  retry: RetryLimits;
  /** A connection that is silent for this long is given up; the server breaks its silence more often. */
  silenceMs: number;
}

export interface Call {
  method?: "GET" | "POST" | "DELETE";
  path: string;
  body?: JsonObject;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Thrown for what may pass: the network broke, or the server is busy or away. */
class MayPass extends Error {
  readonly reason: HeadraceError;

  constructor(reason: HeadraceError) {
    super(reason.message, { cause: reason });
    this.reason = reason;
  }
}

/**
 * Calls the server once.
 *
 * @throws MayPass when another call may succeed, HeadraceError when it will not.
 */
export async function callOnce(connection: Connection, call: Call): Promise<Response> {
  const { method = "GET", path, body, signal } = call;
  const headers: Record<string, string> = { ...connection.headers, ...call.headers };
  const init: RequestInit = { method, headers };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  if (signal !== undefined) init.signal = signal;
  let response: Response;
  try {
    response = await connection.fetch(connection.baseUrl + path, init);
  } catch (error) {
    throw brokenConnection(connection, error, signal);
  }
  if (response.ok) return response;
  throw await readFailure(response);
}

/** The connection broke, unless the caller wanted it to. */
export function brokenConnection(connection: Connection, cause: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  const message = `cannot reach ${connection.baseUrl}; is a gateway running there? Start one with \`headrace\``;
  return new MayPass(new HeadraceError("stream-interrupted", message, { cause }));
}

/** Calls until it works, with pauses in between. For calls that may be repeated. */
export async function callWithRetries(connection: Connection, call: Call): Promise<Response> {
  const patience = new Patience(connection, call.signal);
  while (true) {
    try {
      return await callOnce(connection, call);
    } catch (error) {
      await patience.pauseAfter(error);
    }
  }
}

/** Decides how often to try again, and waits in between: full jitter, 0.5 s doubling to 8 s. */
export class Patience {
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;
  #lastProgressAt: number;

  constructor(connection: Connection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
    this.#lastProgressAt = connection.clock.elapsed();
  }

  /** Something arrived: whatever fails next is a new failure. */
  restore(): void {
    this.#failures = 0;
    this.#lastProgressAt = this.#connection.clock.elapsed();
  }

  /** @throws HeadraceError - it will not pass, or it has lasted too long. */
  async pauseAfter(error: unknown): Promise<void> {
    if (!(error instanceof MayPass)) throw error;
    const { clock, random, retry } = this.#connection;
    this.#failures += 1;
    const jittered = Math.min(8_000, 500 * 2 ** (this.#failures - 1)) * random.number();
    const pauseMs = error.reason.retryAfterMs ?? jittered;
    const spentMs = clock.elapsed() - this.#lastProgressAt;
    if (this.#failures >= retry.maxTries || spentMs + pauseMs > retry.maxTotalMs) throw error.reason;
    await clock.sleep(pauseMs, this.#signal === undefined ? {} : { signal: this.#signal });
  }
}

// Headrace has tried again itself before it answers with any other code: asking again would get the same answer.
const passingCodes = new Set<ErrorCode>(["overloaded", "log-unavailable", "rate-limited", "request-timeout"]);

async function readFailure(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => "");
  const { code, message, param } = readErrorBody(text);
  const retryAfterMs = readRetryAfter(response.headers);
  const error = new HeadraceError(
    code ?? codeOfStatus(response.status),
    message ?? `the server answered ${response.status}; is it a Headrace gateway?`,
    { ...(param === undefined ? {} : { param }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  );
  const statusMayPass = response.status === 408 || response.status === 429 || response.status >= 500;
  const mayPass = code === undefined ? statusMayPass : passingCodes.has(code);
  return mayPass ? new MayPass(error) : error;
}

function readErrorBody(text: string): { code?: ErrorCode; message?: string; param?: string } {
  let body: Json;
  try {
    body = JSON.parse(text) as Json;
  } catch {
    // Some proxy's own page: only the status says something.
    return {};
  }
  const error = isJsonObject(body) ? body["error"] : undefined;
  if (!isJsonObject(error)) return {};
  const { code, message, param } = error;
  const ours = typeof code === "string" ? code.replaceAll("_", "-") : code;
  return {
    ...(isErrorCode(ours) ? { code: ours } : {}),
    ...(typeof message === "string" ? { message } : {}),
    ...(typeof param === "string" ? { param } : {}),
  };
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "not-found";
  if (status === 408) return "request-timeout";
  if (status === 410) return "cursor-expired";
  if (status === 413) return "request-too-large";
  if (status === 429) return "rate-limited";
  return status >= 500 ? "overloaded" : "invalid-request";
}

function readRetryAfter(headers: Headers): number | undefined {
  const inMs = Number(headers.get("retry-after-ms") ?? Number.NaN);
  const inSeconds = Number(headers.get("retry-after") ?? Number.NaN);
  const ms = Number.isNaN(inMs) ? inSeconds * 1000 : inMs;
  return ms >= 0 ? ms : undefined;
}
