// A client leaves in mid-answer, comes back with the id of the last event it has, and reads on where it stopped.
import { EventSourceParserStream } from "eventsource-parser/stream";

import { createHeadrace, serve } from "../src/index.ts"; // Users write: from "headrace"

const headrace = await createHeadrace({ log: { store: "memory" } });
const server = await serve(headrace, { port: 0 });
let lastEventId = "";

const first = await fetch(`${server.url}/stream?model=sim/gpt-4o-mini&prompt=Tell+me+about+rivers`);
await show(first, { tokens: 10 });
console.log("\n\n--- the connection is lost; the answer goes on without us ---\n");

const streamId = first.headers.get("headrace-stream-id");
const second = await fetch(`${server.url}/v1/streams/${streamId}`, { headers: { "last-event-id": lastEventId } });
await show(second, { tokens: Infinity });

const whole = await fetch(`${server.url}/v1/streams/${streamId}?as=text`);
console.log(`\n\n--- the same answer, read without a break ---\n\n${await whole.text()}`);
await server.close();

async function show(response: Response, { tokens }: { tokens: number }): Promise<void> {
  const events = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id, event = "message", data } of events) {
    lastEventId = id ?? lastEventId;
    if (event !== "message" || data === "[DONE]") continue;
    process.stdout.write(data);
    if (--tokens === 0) return;
  }
}
