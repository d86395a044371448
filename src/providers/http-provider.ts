import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { isJsonObject } from "../core/json.ts";
import { whenOpen } from "../core/opened-source.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import type { EventReader, Protocol, ProtocolQuirks } from "../protocols/protocol.ts";
import { createDocumentReader, EventStream } from "./event-stream.ts";
import type { CallPath } from "./kept-answer.ts";
import { KeptAnswer } from "./kept-answer.ts";
import { withRetryAdvice } from "./retry-advice.ts";
import type { Transport, TransportResponse } from "./transport.ts";
import { readText } from "./transport.ts";

export interface HttpProviderOptions {
  /** As it is called in the configuration, and in `provider/model`. */
  name: string;
  protocol: Protocol;
  /** Without a slash at the end; the protocol's path is added to it. */
  baseUrl: string;
  apiKey?: string;
  /** Name of the header that carries the key, in lower case. Default: `authorization`, as a bearer token. */
  apiKeyHeader?: string;
  headers?: Record<string, string>;
  /** Path below the base URL instead of the protocol's own; `{model}` in it is the model of the request. */
  path?: string;
  /** Added to every address. */
  query?: Readonly<Record<string, string>>;
  sign?: Sign;
  quirks?: ProtocolQuirks;
  transport: Transport;
  propagate?: Propagate;
  /** For answers that the provider keeps; without it they are not gone on with. */
  clock?: Clock;
}

/** Headers that make an attempt part of the trace of its stream; added to what is sent, never signed. */
export type Propagate = (streamId: string, attempt: number) => Readonly<Record<string, string>> | undefined;

/** Adds what the vendor wants to see signed; called with every other header in place. */
export type Sign = (request: {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}) => Promise<Record<string, string>>;

const maxErrorBytes = 64 * 1024;
const maxDocumentBytes = 4 * 1024 * 1024;

/** A provider that is called over HTTP: writes requests and reads events of its protocol. */
export function createHttpProvider(options: HttpProviderOptions): StreamSource {
  const { name, protocol, quirks = {}, transport, sign, clock, propagate } = options;
  const ownHeaders = requestHeaders(options);
  const callPath = createPathCall(options);

  return (request, sourceOptions) => {
    const { signal, progress, stream: context, attempt = 0, resume } = sourceOptions;
    if (resume !== undefined) return resume.open(sourceOptions);
    return whenOpen(async () => {
      const warnings = leftOut(request, protocol);
      const written = protocol.writeRequest(request, quirks, (message) => warnings.push(message));
      const body = JSON.stringify(written);
      const url = urlOf(request, options);
      const forwarded = request.original?.protocol === protocol.name ? request.original.headers : undefined;
      // A version belongs to the body that it came with, so the caller's wins over the configured one.
      const unsigned = forwarded === undefined ? ownHeaders : { ...ownHeaders, ...forwarded };
      const signed = sign === undefined ? unsigned : await sign({ method: "POST", url, headers: unsigned, body });
      const traced = context === undefined ? undefined : propagate?.(context.id, attempt);
      const headers = traced === undefined ? signed : { ...signed, ...traced };
      const onConnect = progress?.onConnect;
      const call = { method: "POST" as const, url, headers, body, signal };
      const response = await transport(onConnect === undefined ? call : { ...call, onConnect });
      progress?.onFirstByte?.();
      if (response.status < 200 || response.status > 299) throw await readFailure(response, protocol);
      const reader = readerFor(response, protocol, quirks, name);
      const { body: bytes } = response;
      const keptAnswers = clock === undefined ? undefined : protocol.keptAnswers?.(written);
      if (progress !== undefined && clock !== undefined && keptAnswers !== undefined) {
        new KeptAnswer({ provider: name, request, reader, keptAnswers, callPath, clock }).handTo(progress);
      }
      const stream = { provider: name, request, reader, body: bytes, warnings, attempt, signal };
      return new EventStream(progress === undefined ? stream : { ...stream, progress });
    });
  };
}

/** Calls about answers that the provider keeps, with the same address, key and errors as for those that it makes. */
function createPathCall(options: HttpProviderOptions): CallPath {
  const { protocol, transport, baseUrl, query } = options;
  const { "content-type": _, ...headers } = requestHeaders(options);
  return async ({ method, path, ...rest }) => {
    const call = { method, url: withQuery(baseUrl + path, query), headers, ...rest };
    const response = await transport(method === "POST" ? { ...call, body: "" } : call);
    if (response.status < 200 || response.status > 299) throw await readFailure(response, protocol);
    return response;
  };
}

/**
 * A model's name may become a segment of the path. Dots would lead elsewhere on the provider's host, and the key would go
 * along.
 *
 * @throws HeadraceError `invalid-request`.
 */
export function checkModelName(model: string): void {
  if (!/^\.{1,2}$/.test(model) && model.isWellFormed()) return;
  throw new HeadraceError("invalid-request", "the model's name is no name that a provider could know", {
    param: "model",
  });
}

function urlOf(request: GenerateRequest, { baseUrl, path, query, protocol }: HttpProviderOptions): string {
  checkModelName(request.model);
  const written = path?.replace("{model}", () => encodeURIComponent(request.model));
  return withQuery(baseUrl + (written ?? protocol.endpoint?.write(request) ?? ""), query);
}

function withQuery(url: string, query: HttpProviderOptions["query"]): string {
  return query === undefined ? url : `${url}${url.includes("?") ? "&" : "?"}${new URLSearchParams(query).toString()}`;
}

/** What the caller said in words that only its own protocol has. */
function leftOut({ original, untranslatable = [] }: GenerateRequest, { name }: Protocol): string[] {
  if (original === undefined || original.protocol === name) return [];
  return untranslatable.map((what) => `${what}: only a provider of ${original.protocol} can be told; left out`);
}

/** What goes with every request, the key included. */
export function requestHeaders({
  apiKey,
  apiKeyHeader,
  headers,
  protocol,
}: HttpProviderOptions): Record<string, string> {
  const all: Record<string, string> = {
    "content-type": "application/json",
    accept: `${protocol.contentType}, application/json`,
    "accept-encoding": "identity",
    "user-agent": "headrace",
  };
  if (apiKey !== undefined && apiKeyHeader === undefined) all["authorization"] = `Bearer ${apiKey}`;
  if (apiKey !== undefined && apiKeyHeader !== undefined) all[apiKeyHeader] = apiKey;
  return { ...all, ...headers };
}

/** How a body is read, by what the provider says it is. */
function readerFor(response: TransportResponse, protocol: Protocol, quirks: ProtocolQuirks, name: string): EventReader {
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    response.body.cancel();
    throw new HeadraceError("provider-error", `${name} sent a compressed body though none was accepted`);
  }
  const contentType = response.headers["content-type"] ?? "";
  if (/html|xml|image|octet-stream/.test(contentType)) {
    response.body.cancel();
    throw new HeadraceError("provider-error", `${name} did not answer with a stream; check its base URL`);
  }
  const isDocument = contentType.includes("json") && protocol.framing !== "ndjson";
  if (!isDocument) return protocol.createEventReader(quirks);
  return createDocumentReader((text) => readDocument(text, protocol, name), maxDocumentBytes);
}

function readDocument(text: string, protocol: Protocol, name: string): StreamEvent[] {
  try {
    const document: unknown = JSON.parse(text);
    if (isJsonObject(document)) return protocol.readAnswer(document);
  } catch {
    // Said below, as for JSON that is no object; the text itself may be anything and is not repeated.
  }
  const error = new HeadraceError("provider-error", `${name} answered with something that is no JSON object`);
  return [{ type: "stream-end", outcome: "failed", error: error.report() }];
}

/** Why a provider refused, in our words. */
export async function readFailure(
  { status, headers, body }: TransportResponse,
  protocol: Protocol,
): Promise<HeadraceError> {
  const error = protocol.readError({ status, headers, body: await readText(body, maxErrorBytes) });
  return withRetryAdvice(error, headers);
}
