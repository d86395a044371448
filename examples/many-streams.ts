// Runs twenty streams at once and shows what became of each, also of the one that fails.
import { createHeadrace } from "../src/index.ts"; // Users write: from "headrace"

const headrace = await createHeadrace({ log: { store: "memory" } });
const prompts = Array.from({ length: 20 }, (_, index) => `What is ${index + 1} times ${index + 1}?`);

const answers = prompts.map((prompt, index) => {
  const model = index === 12 ? "no-such/model" : "sim/gpt-4o-mini";
  return headrace.stream({ model, prompt, maxOutputTokens: 40 }).final;
});
for (const [index, result] of (await Promise.allSettled(answers)).entries()) {
  const name = String(index + 1).padStart(2);
  if (result.status === "rejected")
    console.log(`${name}  failed      ${(result.reason as Error).message.slice(0, 60)}`);
  else {
    const { outcome, usage, durationMs } = result.value;
    console.log(`${name}  ${outcome.padEnd(10)}  ${usage?.outputTokens} tokens in ${durationMs.toFixed(0)} ms`);
  }
}
await headrace.close();
