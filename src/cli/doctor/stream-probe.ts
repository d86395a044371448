import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecurely } from "node:https";
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { Arrival } from "./arrivals.ts";

export interface ProbeRequest {
  /** `https://host/v1/chat/completions` */
  url: string;
  apiKey?: string | undefined;
  body: string;
  acceptEncoding: string;
  timeoutMs: number;
}

export type ResponseHeaders = Readonly<Record<string, string | undefined>>;

/** One streamed answer as it arrived. */
export interface ProbeResult {
  status: number;
  /** Names in lower case; of repeated headers the last one. */
  headers: ResponseHeaders;
  /** Until the response's headers, in milliseconds. */
  headersMs: number;
  arrivals: Arrival[];
  totalMs: number;
  /** `[DONE]` was there. */
  complete: boolean;
}

/** What browsers accept, so that whatever compresses for them does so here. */
export const browserEncodings = "gzip, deflate, br, zstd";

/**
 * Asks for a stream and notes when its events come. Over a plain socket client, since `fetch` hides when compressed bytes
 * arrive.
 *
 * @throws Error - there was no answer, or it broke off.
 */
export async function probeStream({
  url,
  apiKey,
  body,
  acceptEncoding,
  timeoutMs,
}: ProbeRequest): Promise<ProbeResult> {
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  const response = await send({ url, apiKey, body, acceptEncoding, timeoutMs });
  const headersMs = elapsed();
  const arrivals: Arrival[] = [];
  let rest = "";
  let complete = false;
  const decoder = new TextDecoder();
  for await (const bytes of decoded(response)) {
    rest += decoder.decode(bytes as Uint8Array, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    const data = lines.filter((line) => line.startsWith("data:"));
    complete ||= data.some((line) => line.includes("[DONE]"));
    const events = data.filter(hasContent).length;
    if (events > 0) arrivals.push({ atMs: elapsed(), events });
  }
  const { statusCode: status = 0 } = response;
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value]),
  );
  return { status, headers, headersMs, arrivals, totalMs: elapsed(), complete };
}

function hasContent(line: string): boolean {
  return /"(content|reasoning|reasoning_content)":\s*"[^"]/.test(line);
}

function send({ url, apiKey, body, acceptEncoding, timeoutMs }: ProbeRequest): Promise<IncomingMessage> {
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    accept: "text/event-stream, application/json",
    "accept-encoding": acceptEncoding,
    "user-agent": "headrace-doctor",
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const options = { method: "POST", headers, signal: AbortSignal.timeout(timeoutMs) };
  return new Promise((resolve, reject) => {
    const request = (url.startsWith("https:") ? requestSecurely : requestPlain)(url, options);
    request.once("response", resolve);
    request.once("error", reject);
    request.end(body);
  });
}

function decoded(response: IncomingMessage): AsyncIterable<unknown> {
  const decompress = decompressorFor(response.headers["content-encoding"]);
  if (decompress === undefined) return response;
  response.once("error", (error) => decompress.destroy(error));
  return response.pipe(decompress);
}

function decompressorFor(encoding = ""): Transform | undefined {
  switch (encoding.toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return undefined;
  }
}
