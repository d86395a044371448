import { HeadraceError, type ErrorCode } from "../../../core/errors.ts";
import type { Json, JsonObject } from "../../../core/json.ts";
import { isJsonObject } from "../../../core/json.ts";
import type { GenerateRequest } from "../../../core/request.ts";
import type { Clock } from "../../../core/time.ts";
import type { Protocol } from "../../../protocols/protocol.ts";
import { BrokenConnection, forever } from "./connection.ts";
import { type Fault, numberOf, textArgumentOf } from "./fault.ts";
import { bombBody } from "./compression.ts";
import { vendorErrors } from "./vendor-words.ts";

export interface RefusalOptions {
  protocol: Protocol;
  request: GenerateRequest;
  clock: Clock;
  signal: AbortSignal | undefined;
  requestId: string;
}

/**
 * What is answered instead of an answer; undefined when there is to be one.
 *
 * @throws BrokenConnection - there is not even a response.
 */
export async function refuse(faults: readonly Fault[], options: RefusalOptions): Promise<Response | undefined> {
  const { clock, signal } = options;
  for (const fault of faults) {
    if (fault.name === "slow-headers") {
      await clock.sleep(numberOf(fault, "wait", 20_000), signal === undefined ? {} : { signal });
    }
  }
  for (const fault of faults) {
    const error = errorOf(fault, options);
    if (error !== undefined) return respondWithError(fault, error, options);
    const response = await otherResponse(fault, options);
    if (response !== undefined) return response;
  }
  return undefined;
}

async function otherResponse(fault: Fault, { protocol, signal }: RefusalOptions): Promise<Response | undefined> {
  switch (fault.name) {
    case "black-hole":
      return forever(signal);
    case "refuse":
      throw new BrokenConnection("refuse", "fetch failed", textArgumentOf(fault, "code"));
    case "cut":
    case "reset":
      if (fault.at === undefined) throw new BrokenConnection(fault.name, "fetch failed");
      return undefined;
    case "html":
      return page(numberOf(fault, "status", 200));
    case "document":
      return respond(200, JSON.stringify({ status: "ok", message: "simulated: this is no answer" }), {
        "content-type": "application/json",
      });
    case "empty":
      return respond(200, "", { "content-type": protocol.contentType });
    case "bomb":
      return new Response(bombBody(numberOf(fault, "size", 16 * 1024 ** 2)), {
        headers: { "content-type": protocol.contentType, "content-encoding": "gzip" },
      });
    default:
      return undefined;
  }
}

/** Which error, and with which status it is sent. */
interface Refusal {
  kind: "status" | "quota" | "context-too-long" | "content-policy" | "prefill-refused";
  status: number;
  code: ErrorCode;
  message: string;
  param?: string;
}

function errorOf(fault: Fault, { request }: RefusalOptions): Refusal | undefined {
  switch (fault.name) {
    case "status":
    case "flap": {
      const status = numberOf(fault, "status", fault.name === "flap" ? 503 : 500);
      return { kind: "status", status, code: codeOf(status), message: `simulated: status ${status}` };
    }
    case "quota":
      return { kind: "quota", status: 429, code: "provider-quota", message: "simulated: no credit is left" };
    case "context-too-long":
      return {
        kind: fault.name,
        status: 400,
        code: "context-too-long",
        message: "simulated: the maximum context length is exceeded",
        param: "messages",
      };
    case "content-policy":
      return {
        kind: fault.name,
        status: 400,
        code: "content-filtered",
        message: "simulated: the content policy forbids this",
      };
    case "prefill-refused":
      if (request.messages.at(-1)?.role !== "assistant") return undefined;
      return {
        kind: fault.name,
        status: 400,
        code: "invalid-request",
        message: "simulated: this model does not go on from a begun answer; the last message must be the user's",
        param: "messages",
      };
    default:
      return undefined;
  }
}

const codesOfStatus: Readonly<Record<number, ErrorCode>> = {
  401: "unauthorized",
  402: "provider-quota",
  403: "forbidden",
  404: "model-not-found",
  408: "request-timeout",
  413: "request-too-large",
  429: "rate-limited",
  502: "overloaded",
  503: "overloaded",
  504: "provider-timeout",
  529: "overloaded",
};

function codeOf(status: number): ErrorCode {
  return codesOfStatus[status] ?? (status < 500 ? "invalid-request" : "internal");
}

function respondWithError(fault: Fault, refusal: Refusal, { protocol, clock, requestId }: RefusalOptions): Response {
  const { kind, status, code, message, param } = refusal;
  const error = new HeadraceError(code, message, param === undefined ? {} : { param });
  const written = protocol.writeError(error, requestId);
  const body = reworded(written.body, { kind, status, protocol, retryInfo: textArgumentOf(fault, "retry-info") });
  const headers = new Headers({ "content-type": "application/json", ...written.headers, "x-request-id": requestId });
  // Those are what Headrace would tell its own clients.
  for (const name of ["retry-after", "retry-after-ms", "x-should-retry"]) headers.delete(name);
  for (const [name, value] of retryHeaders(fault, clock)) headers.set(name, value);
  return respond(status, JSON.stringify(body), headers);
}

function retryHeaders(fault: Fault, clock: Clock): [string, string][] {
  const headers: [string, string][] = [];
  const copy = (argument: string, header: string) => {
    const value = textArgumentOf(fault, argument);
    if (value !== undefined) headers.push([header, value]);
  };
  copy("retry-after", "retry-after");
  copy("retry-after-ms", "retry-after-ms");
  copy("should-retry", "x-should-retry");
  const seconds = fault.arguments["retry-after-date"];
  if (typeof seconds === "number") {
    const now = clock.now();
    headers.push(["date", new Date(now).toUTCString()], ["retry-after", new Date(now + seconds * 1000).toUTCString()]);
  }
  const [, name, value] = /^([\w-]+):(.*)$/.exec(textArgumentOf(fault, "header") ?? "") ?? [];
  if (name !== undefined && value !== undefined) headers.push([name, value.trim()]);
  return headers;
}

interface Rewording {
  kind: Refusal["kind"];
  status: number;
  protocol: Protocol;
  retryInfo: string | undefined;
}

/** The error as the vendor behind the protocol words it, which is not always how Headrace would tell its clients. */
function reworded(body: Json, { kind, status, protocol, retryInfo }: Rewording): Json {
  if (!isJsonObject(body)) return body;
  const words = vendorErrors[protocol.name]?.[kind] ?? {};
  const details = retryInfo === undefined ? {} : { details: [{ "@type": retryInfoType, retryDelay: retryInfo }] };
  const { error } = body;
  if (!isJsonObject(error)) return { ...body, ...words, ...details };
  const number: JsonObject = typeof error["code"] === "number" ? { code: status } : {};
  return { ...body, error: { ...error, ...number, ...words, ...details } };
}

const retryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

function page(status: number): Response {
  const title = status === 200 ? "Welcome" : `${status} simulated`;
  const html = `<!doctype html>\n<html>\n<head><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n<hr>a proxy\n</body>\n</html>\n`;
  return respond(status, html, { "content-type": "text/html" });
}

const encoder = new TextEncoder();

// Bytes rather than text, to which Response would add a charset.
function respond(status: number, body: string, headers: Headers | Record<string, string>): Response {
  return new Response(encoder.encode(body), { status, headers });
}
