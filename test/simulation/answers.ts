import { answerText, foldAnswer } from "../../src/core/answer.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { protocols } from "../../src/protocols/all.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../../src/testing.ts";
import { questions } from "./plan.ts";

const simulator = createSimulator({ clock: createVirtualClock() });

async function ask(question: string): Promise<string> {
  const messages = [{ role: "user", content: question }];
  const body = JSON.stringify({ model: "instant?words=60", messages });
  const response = await simulator("http://simulator.local/v1/chat/completions", { method: "POST", body });
  return answerText(foldAnswer(protocols["openai-chat"].readAnswer((await response.json()) as JsonObject)));
}

/** The sixty words that every model gives for a question. */
export const answers = new Map<string, string>();
for (const question of questions) answers.set(question, await ask(question));
