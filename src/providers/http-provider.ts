import { HeadraceError } from "../core/errors.ts";
import { errorFromReport } from "../core/errors.ts";
import type { ProtocolName, StreamEvent } from "../core/events.ts";
import { isJsonObject } from "../core/json.ts";
import type { StreamSource } from "../core/source.ts";
import type { Protocol, ProtocolQuirks } from "../protocols/protocol.ts";
import type { Transport, TransportResponse } from "./transport.ts";

export interface HttpProviderOptions {
  /** As it is called in the configuration, and in `provider/model`. */
  name: string;
  protocol: Protocol;
  /** Without a slash at the end; the protocol's path is added to it. */
  baseUrl: string;
  apiKey?: string;
  headers?: Record<string, string>;
  quirks?: ProtocolQuirks;
  transport: Transport;
}

const maxErrorBytes = 64 * 1024;
const maxDocumentBytes = 4 * 1024 * 1024;

/** Where each protocol is served below a base URL, as the vendors' own clients have it. */
const paths: Partial<Record<ProtocolName, string>> = { "openai-chat": "/chat/completions" };

/** A provider that is called over HTTP: writes requests and reads events of its protocol. */
export function createHttpProvider(options: HttpProviderOptions): StreamSource {
  const { name, protocol, baseUrl, quirks = {}, transport } = options;
  const url = baseUrl + (paths[protocol.name] ?? "");
  const headers = requestHeaders(options);

  return async function* httpProvider(request, { signal }) {
    const body = JSON.stringify(protocol.writeRequest(request, quirks));
    const response = await transport({ method: "POST", url, headers, body, signal });
    if (response.status < 200 || response.status > 299) throw await readFailure(response, protocol);

    const contentType = response.headers["content-type"] ?? "";
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      throw new HeadraceError("provider-error", `${name} sent a ${encoding} body though none was accepted`);
    }
    const events = contentType.includes("json") && !contentType.includes("event-stream")
      ? readDocument(response, protocol, name)
      : readStream(response, protocol, quirks, contentType, name);
    for await (const event of events) {
      if (event.type === "stream-end" && event.error !== undefined) throw errorFromReport(event.error);
      yield event.type === "attempt-start" ? { ...event, provider: name } : event;
      if (event.type === "stream-end") return;
    }
  };
}

function requestHeaders({ apiKey, headers }: HttpProviderOptions): Record<string, string> {
  const all: Record<string, string> = {
    "content-type": "application/json",
    accept: "text/event-stream, application/json",
    "accept-encoding": "identity",
    "user-agent": "headrace",
  };
  if (apiKey !== undefined) all["authorization"] = `Bearer ${apiKey}`;
  return { ...all, ...headers };
}

async function* readStream(
  response: TransportResponse,
  protocol: Protocol,
  quirks: ProtocolQuirks,
  contentType: string,
  name: string,
): AsyncGenerator<StreamEvent> {
  if (/html|xml|image|octet/.test(contentType)) {
    throw new HeadraceError("provider-error", `${name} answered with ${contentType} instead of a stream; check its base URL`);
  }
  const reader = protocol.createEventReader(quirks);
  for await (const bytes of response.body) {
    for (const event of reader.push(bytes)) yield event;
  }
  yield* reader.end();
}

async function* readDocument(response: TransportResponse, protocol: Protocol, name: string): AsyncGenerator<StreamEvent> {
  const text = await readText(response, maxDocumentBytes);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new HeadraceError("provider-error", `${name} answered with broken JSON`, { cause: error });
  }
  if (!isJsonObject(document)) throw new HeadraceError("provider-error", `${name} answered with JSON that is no object`);
  yield* protocol.readAnswer(document);
}

async function readFailure(response: TransportResponse, protocol: Protocol): Promise<HeadraceError> {
  const body = await readText(response, maxErrorBytes);
  return protocol.readError({ status: response.status, headers: response.headers, body });
}

/** At most `maxBytes` of the body; the rest is not waited for. */
async function readText(response: TransportResponse, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    size += bytes.byteLength;
    if (size > maxBytes) break;
  }
  return text;
}
