// Shows the text while it arrives and collects the whole answer, with its figures, from the same stream.
import { createHeadrace } from "../src/index.ts"; // Users write: from "headrace"

const headrace = await createHeadrace({ log: { store: "memory" } });
const answer = headrace.stream({ model: "sim/gpt-4o-mini", prompt: "Name three kinds of water wheel." });

for await (const text of answer.text) process.stdout.write(text);
const { text, usage, finishReason, timeToFirstTokenMs, tokensPerSecond } = await answer.final;

console.log("\n");
console.log({ characters: text.length, usage, finishReason, timeToFirstTokenMs, tokensPerSecond });
await headrace.close();
