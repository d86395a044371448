// A model of your own is an async generator; every protocol, resuming and stopping come for free.
import { createHeadrace, type UserModel } from "../src/index.ts"; // Users write: from "headrace"

const echo: UserModel = async function* ({ prompt, signal }) {
  for (const word of prompt.split(" ")) {
    if (signal.aborted) return;
    yield `${word.toUpperCase()} `;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const headrace = await createHeadrace({ models: { echo }, log: { store: "memory" } });
const answer = headrace.stream({ model: "echo", prompt: "the water comes back louder" });
for await (const text of answer.text) process.stdout.write(text);
console.log();
await headrace.close();
