import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../src/testing.ts";
import { startGateway } from "./support/gateway.ts";
import { allRows } from "./support/protocol-rows.ts";
import { canonical, openRecovery, primary, rowOf, sixty } from "./support/recovery.ts";

const rules = [{ model: primary, calls: 1, faults: "cut@30", ...sixty }];
const served = allRows.filter((row) => row.served !== undefined);
const isSse = (row: (typeof served)[number]) => row.protocol.framing === "sse";
const question = "Why do rivers meander?";

/** A gateway on a real socket whose first answer is cut after thirty words. */
async function startBroken(): Promise<string> {
  const scenario = { rules: [...rules, { model: "*", ...sixty }] };
  const { url } = await startGateway(
    {
      providers: { box: { vendor: "openai-compatible", baseUrl: "http://simulator.local/v1" } },
      routes: { smart: { targets: [`box/${primary}`] } },
    },
    { fetch: createSimulator({ clock: createVirtualClock(), scenario }) },
  );
  return url;
}

describe("a seam", () => {
  test.each(served.filter(isSse))("is a comment of its own, before the next frame: $protocol.name", async (row) => {
    const { ask } = await openRecovery({ rules });
    const { body, text } = await ask(row);
    const told =
      row.protocol.name === "events"
        ? /^data: \{"type":"seam"/gm
        : /^: seam from=0 to=1 rung=\S+ overlap=\d+ confidence=1\n\n/gm;
    expect(body.match(told)).toHaveLength(1);
    expect(text).toBe(canonical);
  });

  test.each(served.filter((row) => !isSse(row)))(
    "is nothing where there are no comments: $protocol.name",
    async (row) => {
      const { ask } = await openRecovery({ rules });
      const { body, text } = await ask(row);
      expect(body).not.toContain("seam");
      expect(text).toBe(canonical);
    },
  );

  test("changes nothing for who resumes: behind each id comes exactly the rest", async () => {
    const { ask, headrace } = await openRecovery({ rules });
    const { body, headers } = await ask(rowOf("openai-chat"));
    const get = async (lastId?: string) => {
      const url = `http://127.0.0.1/v1/streams/${headers.get("headrace-stream-id")}`;
      const more: RequestInit = lastId === undefined ? {} : { headers: { "last-event-id": lastId } };
      return (await headrace.fetch(new Request(url, more))).text();
    };
    expect(await get()).toBe(body);
    const ids = [...body.matchAll(/^id: (.*)$/gm)];
    expect(ids.length).toBeGreaterThan(60);
    for (const { 1: id, index } of ids.slice(0, -1)) {
      expect(await get(id)).toBe(body.slice(body.indexOf("\n\n", index) + 2));
    }
  });
});

describe("official clients read a recovered answer as any other", () => {
  test("OpenAI's, Chat Completions and Responses", async () => {
    const chat = new OpenAI({ baseURL: `${await startBroken()}/v1`, apiKey: "none", maxRetries: 0 });
    const stream = chat.chat.completions.stream({ model: "smart", messages: [{ role: "user", content: question }] });
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe(canonical);
    const responses = new OpenAI({ baseURL: `${await startBroken()}/v1`, apiKey: "none", maxRetries: 0 });
    const response = await responses.responses.stream({ model: "smart", input: question }).finalResponse();
    expect([response.status, response.output_text]).toEqual(["completed", canonical]);
  });

  test("Anthropic's", async () => {
    const client = new Anthropic({ baseURL: await startBroken(), apiKey: "none", maxRetries: 0 });
    const stream = client.messages.stream({
      model: "smart",
      max_tokens: 1_000,
      messages: [{ role: "user", content: question }],
    });
    const { content, stop_reason } = await stream.finalMessage();
    expect([content, stop_reason]).toMatchObject([[{ type: "text", text: canonical }], "end_turn"]);
  });

  test("Google's", async () => {
    const client = new GoogleGenAI({ apiKey: "none", httpOptions: { baseUrl: await startBroken() } });
    let text = "";
    for await (const chunk of await client.models.generateContentStream({ model: "smart", contents: question })) {
      text += chunk.text ?? "";
    }
    expect(text).toBe(canonical);
  });
});
