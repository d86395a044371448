// The official OpenAI client, pointed at the gateway; only its `baseURL` is different.
import OpenAI from "openai";

import { createHeadrace, serve } from "../src/index.ts"; // Users write: from "headrace"

const server = await serve(await createHeadrace({ log: { store: "memory" } }), { port: 0 });
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none needed" });

const stream = await openai.chat.completions.create({
  model: "sim/gpt-4o-mini",
  messages: [{ role: "user", content: "What is a headrace?" }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
console.log();
await server.close();
