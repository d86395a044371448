import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { foldAnswer } from "../src/core/answer.ts";
import type { Usage } from "../src/core/events.ts";
import { traceSchema } from "../src/gateway/admin-schemas.ts";
import { gemini } from "../src/protocols/gemini.ts";
import { openaiChat } from "../src/protocols/openai-chat.ts";
import { readUsage as readResponsesUsage } from "../src/protocols/openai-responses-usage.ts";
import type { ModelPrice } from "../src/records/prices.ts";
import { Prices } from "../src/records/prices.ts";
import type { Summary, Trace } from "../src/records/trace.ts";
import { addUsage } from "../src/reliability/joined-attempt.ts";
import { readBody } from "./conformance/protocol.ts";
import { startGateway } from "./support/gateway.ts";
import { databasePath } from "./support/records.ts";

const fixture = (path: string) => readFileSync(join(import.meta.dirname, "fixtures", path));
const spoken = fixture("openai-chat/audio.sse");
const heard = fixture("gemini/audio.sse");
const drawn = fixture("gemini/image.sse");

const usageSpoken: Usage = {
  inputTokens: 1_000,
  outputTokens: 300,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  inputAudioTokens: 600,
  outputAudioTokens: 200,
};
const usageHeard: Usage = {
  inputTokens: 2_000,
  outputTokens: 5,
  cachedInputTokens: 500,
  inputAudioTokens: 1_000,
  inputImageTokens: 258,
  cachedAudioTokens: 400,
};
const usageDrawn: Usage = { inputTokens: 7, outputTokens: 1_293, outputImageTokens: 1_290 };

describe("audio and pictures are counted", () => {
  test("as the provider counts them, in every chunk that tells", () => {
    expect(foldAnswer(readBody(openaiChat, [spoken])).usage).toEqual({ ...usageSpoken, totalTokens: 1_300 });
    expect(foldAnswer(readBody(gemini, [heard])).usage).toEqual({ ...usageHeard, totalTokens: 2_005 });
    expect(foldAnswer(readBody(gemini, [drawn])).usage).toEqual({ ...usageDrawn, totalTokens: 1_300 });
    const reports = readBody(gemini, [heard]).filter((event) => event.type === "usage");
    expect(reports.map(({ usage }) => usage.inputAudioTokens)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
    const input_tokens_details = { cached_tokens: 0, audio_tokens: 3, image_tokens: 4 };
    const details = { input_tokens_details, output_tokens_details: { image_tokens: 5 } };
    expect(readResponsesUsage({ input_tokens: 10, output_tokens: 6, ...details })).toMatchObject({
      inputAudioTokens: 3,
      inputImageTokens: 4,
      outputImageTokens: 5,
    });
  });

  test("with what Google's own tools brought into the prompt", () => {
    const toolUsePromptTokensDetails = [{ modality: "IMAGE", tokenCount: 20 }];
    const usageMetadata = { promptTokenCount: 5, toolUsePromptTokenCount: 25, toolUsePromptTokensDetails };
    const chunk = `data: ${JSON.stringify({ candidates: [], usageMetadata })}\n\n`;
    const usage = foldAnswer(readBody(gemini, [new TextEncoder().encode(chunk)])).usage;
    expect(usage).toMatchObject({ inputTokens: 30, inputImageTokens: 20 });
  });

  test("over all attempts of an answer together", () => {
    const sum = addUsage(addUsage(usageSpoken, usageHeard), usageDrawn);
    expect(sum).toEqual({
      inputTokens: 3_007,
      outputTokens: 1_598,
      cachedInputTokens: 500,
      inputAudioTokens: 1_600,
      inputImageTokens: 258,
      cachedAudioTokens: 400,
      outputAudioTokens: 200,
      outputImageTokens: 1_290,
    });
  });
});

const vendors: Record<string, string> = { openai: "openai", google: "gemini", azure: "azure-openai" };

async function costOf(target: string, usage: Usage, prices: Record<string, ModelPrice> = {}) {
  const found = new Prices({ prices, vendorOf: (name) => ({ vendor: vendors[name] ?? "openai-compatible" }) });
  await found.load();
  const [provider, model] = target.split("/") as [string, string];
  return found.costOf({ provider, model, usage, at: Date.UTC(2026, 0, 1) });
}

const spokenCost = (400 * 2.5 + 600 * 32 + 100 * 10 + 200 * 64) / 1e6;
const heardCost = (900 * 0.3 + 100 * 0.03 + 600 * 1 + 400 * 0.1 + 5 * 2.5) / 1e6;
const drawnCost = (7 * 0.3 + 3 * 2.5 + 1_290 * 30) / 1e6;

describe("audio and pictures have prices of their own", () => {
  test("by the vendor's list", async () => {
    expect(await costOf("openai/gpt-audio", usageSpoken)).toBeCloseTo(spokenCost, 12);
    expect(await costOf("google/gemini-2.5-flash", usageHeard)).toBeCloseTo(heardCost, 12);
    expect(await costOf("google/gemini-2.5-flash-image", usageDrawn)).toBeCloseTo(drawnCost, 12);
  });

  test("which are those of text for pictures that are looked at, and for audio where Google names one price", async () => {
    const seen: Usage = { inputTokens: 1_000, outputTokens: 100, inputImageTokens: 800 };
    expect(await costOf("openai/gpt-4o", seen)).toBeCloseTo((1_000 * 2.5 + 100 * 10) / 1e6, 12);
    const listened: Usage = { inputTokens: 1_000, outputTokens: 100, inputAudioTokens: 900 };
    expect(await costOf("google/gemini-2.5-pro", listened)).toBeCloseTo((1_000 * 1.25 + 100 * 10) / 1e6, 12);
  });

  test("and without one the cost is not known", async () => {
    // The list has only the price of text for these, which is a sixteenth of what their audio costs.
    expect(await costOf("openai/gpt-4o-audio-preview", usageSpoken)).toBeUndefined();
    expect(await costOf("openai/gpt-4o", { ...usageSpoken, outputAudioTokens: 0 })).toBeUndefined();
    expect(await costOf("google/gemini-2.5-flash", usageDrawn)).toBeUndefined();
    // Nobody said how much of what came from the cache was audio, which has another price there.
    const { cachedAudioTokens: _, ...untold } = usageHeard;
    expect(await costOf("google/gemini-2.5-flash", untold)).toBeUndefined();
    const text: ModelPrice = { inputPerMillion: 1, outputPerMillion: 2 };
    expect(await costOf("box/talker", usageSpoken, { "box/*": text })).toBeUndefined();
    expect(await costOf("box/talker", usageDrawn, { "box/*": text })).toBeUndefined();
  });

  test("as configured", async () => {
    const text = { inputPerMillion: 1, outputPerMillion: 2, cachedInputPerMillion: 0.5 };
    const speech = { ...text, inputAudioPerMillion: 10, outputAudioPerMillion: 20 };
    const images = { inputImagePerMillion: 3, outputImagePerMillion: 40 };
    const byHand = (400 * 1 + 600 * 10 + 100 * 2 + 200 * 20) / 1e6;
    expect(await costOf("box/talker", usageSpoken, { "box/*": speech })).toBeCloseTo(byHand, 12);
    const looked = (642 * 1 + 100 * 0.5 + 258 * 3 + 1_000 * 10 + 5 * 2) / 1e6;
    expect(await costOf("box/talker", usageHeard, { "box/*": { ...speech, ...images } })).toBeCloseTo(looked, 12);
    const painted = (7 * 1 + 3 * 2 + 1_290 * 40) / 1e6;
    expect(await costOf("box/painter", usageDrawn, { "box/*": { ...text, ...images } })).toBeCloseTo(painted, 12);
  });
});

/** A gateway whose vendors answer with the fixtures. */
async function start(path: string) {
  const answers: [part: string, body: Buffer][] = [
    ["openai.com", spoken],
    ["flash-image", drawn],
    ["googleapis", heard],
  ];
  const answer = async (input: string): Promise<Response> => {
    const body = answers.find(([part]) => input.includes(part))?.[1];
    return new Response(body === undefined ? null : new Uint8Array(body), {
      status: body === undefined ? 404 : 200,
      headers: { "content-type": "text/event-stream" },
    });
  };
  return startGateway(
    { log: { store: "sqlite", path } },
    { fetch: answer, environment: { OPENAI_API_KEY: "none", GEMINI_API_KEY: "none" } },
  );
}

async function ask(url: string, model: string) {
  const messages = [{ role: "user", content: "Say hello." }];
  const body = { model, stream: true, stream_options: { include_usage: true }, messages };
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
  return { id: response.headers.get("headrace-stream-id") ?? "", text: await response.text() };
}

async function read<Body>(url: string): Promise<Body> {
  const response = await fetch(url);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
}

test("what was heard, seen, spoken and drawn is in the records, with what it cost, also after a restart", async () => {
  const path = databasePath();
  const first = await start(path);
  const asked = [
    { ...(await ask(first.url, "openai/gpt-audio")), usage: usageSpoken, cost: spokenCost },
    { ...(await ask(first.url, "gemini/gemini-2.5-flash")), usage: usageHeard, cost: heardCost },
    { ...(await ask(first.url, "gemini/gemini-2.5-flash-image")), usage: usageDrawn, cost: drawnCost },
    { ...(await ask(first.url, "openai/gpt-4o-audio-preview")), usage: usageSpoken, cost: undefined },
  ];
  const check = async (url: string) => {
    for (const { id, usage, cost } of asked) {
      const trace = await read<Trace>(`${url}/v1/streams/${id}/trace`);
      expect(traceSchema.safeParse(trace).error).toBeUndefined();
      expect(trace.attempts[0]?.usage).toMatchObject(usage);
      expect(trace.usage).toEqual(usage);
      // Money is kept in whole billionths of a dollar.
      expect(trace.cost?.total).toBe(cost === undefined ? undefined : Math.round(cost * 1e9) / 1e9);
    }
    const { totals } = await read<Summary>(`${url}/admin/summary`);
    expect(totals.costUnknown).toBe(1);
    expect(totals.cost).toBeCloseTo(spokenCost + heardCost + drawnCost, 9);
    const csv = await (await fetch(`${url}/admin/export?format=csv`)).text();
    const [names, ...rows] = csv.trim().split("\r\n");
    const column = names?.split(",").indexOf("output_image_tokens") ?? -1;
    expect(rows.map((row) => row.split(",")[column]).filter((cell) => cell !== "")).toEqual(["1290"]);
  };
  await check(first.url);
  // A client of another vendor's protocol reads the same counts.
  const lastChunk = asked[1]?.text.match(/"usage":(\{"prompt.*\})\}\n/)?.[1] ?? "null";
  expect(JSON.parse(lastChunk)).toMatchObject({
    prompt_tokens: 2_000,
    prompt_tokens_details: { cached_tokens: 500, audio_tokens: 1_000, image_tokens: 258 },
  });
  await first.close();
  await check((await start(path)).url);
});
