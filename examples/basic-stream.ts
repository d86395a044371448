// Streams an answer to the terminal, then returns the full text.
import { createHeadrace } from "../src/index.ts"; // Users write: from "headrace"

async function ask(prompt: string): Promise<string> {
  const headrace = await createHeadrace({ log: { store: "memory" } });
  const answer = headrace.stream({ model: "sim/gpt-4o-mini", prompt });
  for await (const text of answer.text) process.stdout.write(text);
  const { text } = await answer.final;
  await headrace.close();
  return text;
}

const text = await ask("Why is the sky blue?");
console.log(`\n\n${text.length} characters`);
