/**
 * The least a relay on `node:http` can do and still know what it relays: passes the bytes on as they come, with
 * backpressure, and parses every event on the way. `node node-http.ts <port> <upstream url>`.
 */
import { Agent, createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { StringDecoder } from "node:string_decoder";

const port = Number(process.argv[2]);
const upstream = new URL(process.argv[3] ?? "");
const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 4096 });

interface Counts {
  events: number;
  outputTokens: number;
}

const counts: Counts = { events: 0, outputTokens: 0 };

function readEvents(): (bytes: Buffer) => void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return (bytes) => {
    const text = rest + decoder.write(bytes);
    let start = 0;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n", start)) {
      const data = text.slice(start, end).replace(/^data: ?/, "");
      start = end + 2;
      if (data === "[DONE]") continue;
      const chunk = JSON.parse(data) as { usage?: { completion_tokens: number } | null };
      counts.events++;
      counts.outputTokens += chunk.usage?.completion_tokens ?? 0;
    }
    rest = text.slice(start);
  };
}

function relayAnswer(answer: IncomingMessage, response: ServerResponse): void {
  const read = readEvents();
  response.writeHead(answer.statusCode ?? 502, {
    "content-type": answer.headers["content-type"] ?? "application/octet-stream",
    "cache-control": "no-cache",
  });
  answer.on("data", (bytes: Buffer) => {
    read(bytes);
    if (response.write(bytes)) return;
    answer.pause();
    response.once("drain", () => answer.resume());
  });
  answer.on("end", () => response.end());
  answer.on("error", () => response.destroy());
}

const server = createServer((request, response) => {
  const { "content-type": contentType, "content-length": contentLength, authorization } = request.headers;
  const headers = { "content-type": contentType, "content-length": contentLength, authorization };
  const call = httpRequest({
    host: upstream.hostname,
    port: upstream.port,
    method: request.method,
    path: request.url,
    agent,
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
  });
  call.on("response", (answer) => relayAnswer(answer, response));
  call.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  response.on("close", () => {
    if (!response.writableFinished) call.destroy();
  });
  request.pipe(call);
});
server.listen({ port, host: "127.0.0.1", backlog: 4096 });
