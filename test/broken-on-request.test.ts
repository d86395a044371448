import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { createClient } from "../src/client/client.ts";
import type { AttemptEnded } from "../src/core/observer.ts";
import type { TargetReport, TraceAttempt } from "../src/records/trace.ts";
import type { ConfigInput } from "../src/index.ts";
import type { VirtualClock } from "../src/testing.ts";
import { FailureDrill } from "../src/streams/failure-drill.ts";
import { allFrames, eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { allRows, askIn, readIn } from "./support/protocol-rows.ts";
import { canonical, openRecovery, primary, question, rowOf } from "./support/recovery.ts";
import { read, refusal } from "./support/scripted-source.ts";
import { askFront, openTwoGateways } from "./support/two-gateways.ts";
import { sturdy } from "./support/scripted-targets.ts";
import { answerText } from "../src/core/answer.ts";

const url = "http://127.0.0.1";
/** Sixty words, the first after a second, then one every 20 ms. */
const paced = { model: "*", words: 60, interval: 20, faults: ["slow-first-token:1s"] };

async function open(config: ConfigInput = {}, more: Parameters<typeof openRecovery>[0] = {}) {
  const gateway = await openRecovery({ rules: [paced], targets: [primary], config, ...more });
  const { headrace, clock, send } = gateway;
  const newest = async (): Promise<string> => (await headrace.streams.list({ owner: "", limit: 1 }))[0]?.id ?? "";
  const breakIt = async (id?: string): Promise<Response> =>
    send(`${url}/v1/streams/${id ?? (await newest())}/break`, { method: "POST" });
  /** Asks, and breaks the provider's connection at these times. */
  const askBroken = async (times: readonly number[], row = rowOf("events")) => {
    const startedAt = clock.elapsed();
    const asking = askIn(row, url, question, send);
    const statuses: number[] = [];
    for (const at of times) {
      await clock.advance(at - (clock.elapsed() - startedAt));
      statuses.push((await breakIt()).status);
    }
    const reading = asking.then(async (response) => ({ response, body: await response.clone().text() }));
    await clock.advance(8_000);
    const { response, body } = await reading;
    return {
      body,
      statuses,
      answer: await readIn(row, response),
      id: response.headers.get("headrace-stream-id") ?? "",
    };
  };
  return { ...gateway, askBroken, breakIt, newest };
}

const whys = (ended: readonly AttemptEnded[]): string[] =>
  ended.map(({ reason, outcome, error }) => `${reason} ${outcome}${error === undefined ? "" : ` ${error.code}`}`);

describe("an answer whose provider is killed in mid-stream", () => {
  test.each(allRows.map((row) => [row.label, row] as const))("is whole: %s", async (_label, row) => {
    const { askBroken, ended } = await open();
    const { answer, statuses } = await askBroken([1_500], row);
    expect(statuses).toEqual([200]);
    expect(answerText(answer)).toBe(canonical);
    expect(answer.outcome).toBe("completed");
    expect(whys(ended())).toEqual(["first failed broken-on-request", "recovery completed"]);
  });

  test("is byte for byte what it would have been", async () => {
    const row = rowOf("plain-text");
    const untouched = await (await open()).askBroken([], row);
    const killed = await (await open()).askBroken([1_300, 1_700], row);
    expect(killed.statuses).toEqual([200, 200]);
    expect(killed.body).toBe(untouched.body);
    expect(untouched.body).toBe(canonical);
  });

  test("says where the seam is, and its trace says why", async () => {
    const { askBroken, send } = await open();
    const { body, id } = await askBroken([1_500]);
    const joint = body.slice(0, body.indexOf('"type":"seam","fromAttempt":0,"toAttempt":1'));
    const before = [...joint.matchAll(/"text-delta","text":"([^"]*)"/g)].map(([, text]) => text).join("");
    expect(before.length).toBeGreaterThan(50);
    expect(canonical.startsWith(before)).toBe(true);
    const trace = await (await send(`${url}/v1/streams/${id}/trace`, {})).json();
    const [first, second] = (trace as { attempts: TraceAttempt[] }).attempts;
    expect(first).toMatchObject({ outcome: "failed", error: { code: "broken-on-request" }, share: "delivered" });
    expect(second).toMatchObject({ outcome: "completed", reason: "recovery" });
  });

  test("is nothing a reader notices before the first word: it is asked again", async () => {
    const { askBroken, ended } = await open();
    const { answer, body } = await askBroken([500]);
    expect(answerText(answer)).toBe(canonical);
    expect(body).not.toContain("seam");
    expect(whys(ended())).toEqual(["first failed broken-on-request", "retry completed"]);
  });

  test("breaks off where nothing may go on with it, and never looks complete", async () => {
    const { askBroken } = await open({ reliability: { recovery: "off" } });
    const { answer, body } = await askBroken([1_500]);
    expect(body).toMatch(/"stream-end","outcome":"interrupted","error":\{"code":"broken-on-request"/);
    expect(canonical.startsWith(answerText(answer))).toBe(true);
  });

  test("is not asked for without end: it fails as it would if the provider failed as often", async () => {
    const { askBroken, calls } = await open();
    const { body, statuses } = await askBroken([1_300, 2_600, 3_900, 5_200]);
    expect(statuses).toEqual([200, 200, 200, 409]);
    expect(body).toContain('"outcome":"interrupted"');
    expect(calls).toHaveLength(3);
  });
});

test("both calls of a race are broken, and the stream goes on", async () => {
  const { askBroken, ended } = await open(
    {},
    {
      targets: ["gpt-4o", "gpt-4o-mini"],
      route: { hedge: { afterMs: 300 } },
      config: { reliability: { maxAttempts: 4 } },
    },
  );
  const { answer } = await askBroken([600]);
  expect(whys(ended()).slice(0, 2)).toEqual(["first failed broken-on-request", "hedge failed broken-on-request"]);
  expect(answerText(answer)).toBe(canonical);
});

describe("killing a provider", () => {
  test("does not make the target rest, nor look worse than it is", async () => {
    const { askBroken, send, ended } = await open({ reliability: { recovery: "off", maxAttempts: 1 } });
    for (const at of [1_500, 500]) {
      for (let round = 0; round < 6; round++) await askBroken([at]);
      const { data } = (await (await send(`${url}/admin/targets`, {})).json()) as { data: TargetReport[] };
      expect(data).toMatchObject([{ model: primary, health: "ok", failures: 0 }]);
    }
    expect(whys(ended())).toEqual(Array.from({ length: 12 }, () => "first failed broken-on-request"));
  });

  test("takes nothing from what others may retry, unlike a provider that fails", async () => {
    const survivors = async (isDrill: boolean): Promise<number> => {
      const fails = [
        [100, ...(isDrill ? [1_000] : []), refusal.unreachable()],
        [3_000, "fine"],
      ] as const;
      const parts = sturdy({ only: [...Array.from({ length: 10 }, () => fails[0]), fails[1]] });
      const readings = Array.from({ length: 10 }, () => read(parts.source));
      await parts.clock.advance(50);
      for (const { stream } of readings) {
        const drill = new FailureDrill("st_test");
        Object.assign(drill.stream, stream);
        if (isDrill) drill.breakAttempts();
      }
      await parts.clock.advance(10_000);
      return readings.filter(({ text }) => text === "fine").length;
    };
    expect(await survivors(false)).toBeLessThan(10);
    expect(await survivors(true)).toBe(10);
  });

  test("is for the stream's owner only: for others it does not exist, and goes on undisturbed", async () => {
    const script = scriptedModel(["one ", "two "]);
    const letGo = script.hold(1);
    const keys = ["ann", "bob", "eve"].map((name) => ({
      name,
      key: `${name}-key-0123456789`,
      role: name === "eve" ? ("admin" as const) : ("user" as const),
    }));
    const { url: at } = await startGateway({ models: { poet: script.model }, access: { keys } });
    const ann = createClient({ baseUrl: at, apiKey: "ann-key-0123456789" });
    const others = ["bob", "eve"].map((name) => createClient({ baseUrl: at, apiKey: `${name}-key-0123456789` }));
    const answer = ann.stream({ model: "poet", prompt: "go" });
    for await (const _text of answer.text) break;
    for (const other of others) {
      await expect(other.breakAttempts(await answer.id)).rejects.toMatchObject({ code: "stream-not-found" });
    }
    expect((await fetch(`${at}/v1/streams/${await answer.id}/break`, { method: "POST" })).status).toBe(401);
    letGo();
    expect((await answer.final).text).toBe("one two ");
    expect(script.started).toBe(1);
  });

  test("gets a clear answer when there is nothing to kill", async () => {
    const { breakIt, send, clock, newest } = await open({}, { rules: [{ model: "*", faults: ["503"] }] });
    const missing = await breakIt("st_0000000000000000000000");
    expect(missing.status).toBe(404);
    // Between two attempts, while the second one waits for its time.
    const asking = askIn(rowOf("events"), url, question, send);
    await clock.advance(100);
    const between = await breakIt();
    expect(between.status).toBe(409);
    expect(await between.json()).toMatchObject({ error: { message: expect.stringContaining("at this moment") } });
    await clock.advance(20_000);
    await (await asking).text();
    const over = await breakIt(await newest());
    expect(over.status).toBe(409);
    expect(await over.json()).toMatchObject({ error: { message: expect.stringContaining("is over") } });
  });

  test("is possible ten times for one stream", () => {
    const drill = new FailureDrill("st_test");
    let broken = 0;
    drill.stream.live = new Map([[0, () => broken++]]);
    for (let left = 9; left >= 0; left--) expect(drill.breakAttempts().breaksLeft).toBe(left);
    expect(() => drill.breakAttempts()).toThrow(/10 times/);
    expect(broken).toBe(10);
  });
});

test("a provider that goes on by itself is asked for the rest: nothing is generated twice", async () => {
  let started = 0;
  const outside: { clock?: VirtualClock } = {};
  const gateways = await openTwoGateways({
    provider: "headrace",
    async *poet(_input, { signal }) {
      started++;
      for (let index = 0; index < 12; index++) {
        await outside.clock?.sleep(10, { signal });
        yield `word${index} `;
      }
    },
  });
  const { clock } = gateways;
  outside.clock = clock;
  const breaking = clock.sleep(60).then(async () => {
    const [stream] = await gateways.front.streams.list({ owner: "", limit: 1 });
    return gateways.front.streams.breakAttempts(stream?.id ?? "");
  });
  const asked = { model: "behind/poet", messages: [{ role: "user", content: "Speak." }], stream: true };
  const { events } = await askFront(gateways, "/v1/streams", asked);
  expect(await breaking).toEqual({ attempts: [{ attempt: 0, target: "behind/poet" }], breaksLeft: 9 });
  expect(events.flatMap(({ type, text }) => (type === "text-delta" ? [text] : [])).join("")).toMatch(
    /^word0 .*word11 $/,
  );
  expect(events.find(({ type }) => type === "seam")).toMatchObject({ rung: "native-resume" });
  expect(started).toBe(1);
});

test("a real provider, over the network, finds its connection closed; the official client notices nothing", async () => {
  const words = Array.from({ length: 30 }, (_value, index) => `word${index} `);
  const script = scriptedModel(words);
  const letGo = script.hold(20);
  const provider = await startGateway({
    models: { counter: script.model },
    reliability: { onDisconnect: "cancel", lingerMs: 0 },
  });
  const gateway = await startGateway({
    providers: { real: { vendor: "openai-compatible", baseUrl: `${provider.url}/v1`, apiKey: "none" } },
  });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "none", maxRetries: 0 });
  const { data, response } = await openai.chat.completions
    .create({ model: "real/counter", messages: [{ role: "user", content: "go" }], stream: true })
    .withResponse();
  let text = "";
  for await (const chunk of data) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (!text.endsWith("word19 ") || script.started > 1) continue;
    const id = response.headers.get("headrace-stream-id") ?? "";
    expect((await fetch(`${gateway.url}/v1/streams/${id}/break`, { method: "POST" })).status).toBe(200);
    await eventually(() => script.aborted && script.started > 1);
    letGo();
  }
  expect(text).toBe(words.join(""));
});

test("a generator of your own is called again, and goes on where it says the same", async () => {
  const words = Array.from({ length: 30 }, (_value, index) => `word${index} `);
  const script = scriptedModel(words);
  const letGo = script.hold(20);
  const { url: at } = await startGateway({ models: { counter: script.model } });
  const client = createClient({ baseUrl: at });
  const answer = client.stream({ model: "counter", prompt: "go" });
  let text = "";
  for await (const piece of answer.text) {
    text += piece;
    if (text.endsWith("word19 ")) break;
  }
  expect(await client.breakAttempts(await answer.id)).toEqual([{ attempt: 0, target: "models/counter" }]);
  expect(script.aborted).toBe(true);
  await eventually(() => script.started > 1);
  letGo();
  expect((await answer.final).text).toBe(words.join(""));
  expect(await allFrames(await fetch(`${at}/v1/streams/${await answer.id}?as=text`))).toEqual([]);
});
