import OpenAI from "openai";
import type { SimulatorOptions } from "../../src/providers/simulator/simulator.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../../src/testing.ts";

type ChatRequest = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, "model" | "messages" | "stream"> & {
  model?: string;
};

/** A simulator on a clock of its own, and the official client that talks to nothing else. */
export function openSimulator(options: Partial<SimulatorOptions> = {}) {
  const clock = createVirtualClock();
  const simulator = createSimulator({ clock, ...options });
  const client = new OpenAI({ baseURL: "http://simulator.local/v1", apiKey: "none", maxRetries: 0, fetch: simulator });
  const complete = (
    messages: string | OpenAI.ChatCompletionMessageParam[],
    { model = "instant", ...fields }: ChatRequest = {},
  ) =>
    client.chat.completions.create({
      model,
      messages: typeof messages === "string" ? [{ role: "user", content: messages }] : messages,
      ...fields,
    });
  const ask = async (...request: Parameters<typeof complete>) =>
    (await complete(...request)).choices[0]?.message.content ?? "";
  return { clock, simulator, client, complete, ask };
}

export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...init };
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

export const url = "http://simulator.local/v1/chat/completions";
export const sky = [{ role: "user", content: "Why is the sky blue?" }] as const;
