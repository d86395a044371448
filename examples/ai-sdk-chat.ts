// The AI SDK's chat, as `useChat` drives it: a page is closed in mid-answer, opened again, and the answer is all there.
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from "ai";

import { createHeadrace, serve } from "../src/index.ts"; // Users write: from "headrace"

const server = await serve(await createHeadrace({ log: { store: "memory" } }), { port: 0 });
const transport = new DefaultChatTransport({ api: `${server.url}/api/chat`, body: { model: "sim/gpt-4o-mini" } });
const chatId = "rivers";
const question: UIMessage = { id: "q1", role: "user", parts: [{ type: "text", text: "Tell me about rivers" }] };

const page = new AbortController();
const answer = await transport.sendMessages({
  chatId,
  messages: [question],
  trigger: "submit-message",
  messageId: undefined,
  abortSignal: page.signal,
});
let seen = "";
for await (const message of readUIMessageStream({ stream: answer, onError: () => {} })) {
  seen = textOf(message);
  if (seen.length > 60) page.abort();
}
console.log(`${seen}\n\n--- the page is closed; the answer goes on without it ---\n`);

const resumed = await transport.reconnectToStream({ chatId });
let whole = "";
for await (const message of readUIMessageStream({ stream: resumed! })) whole = textOf(message);
console.log(whole);
await server.close();

function textOf({ parts }: UIMessage): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
