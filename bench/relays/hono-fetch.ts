/**
 * A gateway as most are written today: Hono, `fetch` to the provider, each event parsed, looked at and written anew.
 * `node hono-fetch.ts <port> <upstream url>`.
 */
import { serve } from "@hono/node-server";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";

const port = Number(process.argv[2]);
const upstream = process.argv[3] ?? "";

interface Chunk {
  choices: { delta: { content?: string } }[];
  usage?: { completion_tokens: number } | null;
}

let outputTokens = 0;
const app = new Hono();

app.post("/v1/chat/completions", async (context) => {
  const body: unknown = await context.req.json();
  const abort = new AbortController();
  const answer = await fetch(`${upstream}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: context.req.header("authorization") ?? "" },
    body: JSON.stringify(body),
    signal: abort.signal,
  });
  if (!answer.ok || answer.body === null) return context.json({ error: { message: "the provider failed" } }, 502);
  const events = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());

  return streamSSE(context, async (stream) => {
    stream.onAbort(() => abort.abort());
    for await (const { data } of events) {
      if (data === "[DONE]") {
        await stream.writeSSE({ data });
        continue;
      }
      const chunk = JSON.parse(data) as Chunk;
      outputTokens += chunk.usage?.completion_tokens ?? 0;
      await stream.writeSSE({ data: JSON.stringify(chunk) });
    }
  });
});
app.get("/metrics", (context) => context.json({ outputTokens }));

serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
