import { connect } from "node:net";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { allFrames, eventually, idOf, readFrames, scriptedModel, startGateway } from "./support/gateway.ts";
import { temporaryFolder } from "./support/process.ts";

const words = Array.from({ length: 60 }, (_, index) => `w${index} `);
const ask = JSON.stringify({
  model: "poet",
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: "user", content: "go" }],
});
const post = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: ask,
  });

describe("a client that is cut off in the middle of an answer", () => {
  test("gets the exact rest with its last id, wherever it was cut", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model } });
    const response = await post(url);
    const id = response.headers.get("headrace-stream-id");
    const whole = await allFrames(response);
    expect(whole.length).toBeGreaterThan(60);
    expect(whole.at(-1)).toContain("[DONE]");

    for (let cut = 0; cut < whole.length - 1; cut++) {
      const lastId = idOf(whole[cut] as string) as string;
      const rest = await allFrames(await fetch(`${url}/v1/streams/${id}`, { headers: { "last-event-id": lastId } }));
      expect([...whole.slice(0, cut + 1), ...rest].join("")).toBe(whole.join(""));
    }
  });

  test("reads on while the answer is still being written, on the POST that started it too", async () => {
    const script = scriptedModel(words);
    const release = script.hold(30);
    const { url } = await startGateway({ models: { poet: script.model } });
    const first: string[] = [];
    for await (const frame of readFrames(await post(url))) {
      first.push(frame);
      if (first.length === 20) break;
    }
    const lastEventId = idOf(first.at(-1) as string) as string;
    const resumed = await post(url, { "last-event-id": lastEventId });
    const again = await post(url, { "last-event-id": lastEventId });
    release();
    const rest = await allFrames(resumed);
    expect(await allFrames(again)).toEqual(rest);
    expect(script.started).toBe(1);
    const whole = await allFrames(await fetch(`${url}/v1/streams/${lastEventId.split(":")[0]}`));
    expect([...first, ...rest]).toEqual(whole);
  });

  test("is told when its cursor is foreign, ahead, or garbage, and never sent back to the beginning", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model } });
    const frames = await allFrames(await post(url));
    const id = (idOf(frames[0] as string) as string).split(":")[0] as string;
    const status = async (after: string): Promise<number> => {
      const response = await fetch(`${url}/v1/streams/${id}`, { headers: { "last-event-id": after } });
      await response.body?.cancel();
      return response.status;
    };
    expect(await status(`${id}:1-9999`)).toBe(409);
    expect(await status(`${id}:7-3`)).toBe(409);
    expect(await status(`st_0000000000000000000000:1-3`)).toBe(409);
    expect(await status("garbage")).toBe(400);
    expect(await status(`${id}:1-x`)).toBe(400);
    const unknown = await fetch(`${url}/v1/streams/st_0000000000000000000000`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { code: "stream_not_found" } });
  });

  test("is told with 204 that there is nothing more, when it reconnects after the end", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(words).model } });
    const frames = await allFrames(await fetch(`${url}/stream?prompt=go&model=poet`));
    const lastId = idOf(frames.at(-1) as string) as string;
    const again = await fetch(`${url}/stream?prompt=go&model=poet`, { headers: { "last-event-id": lastId } });
    expect(again.status).toBe(204);
  });
});

describe("an answer without readers", () => {
  test("is finished for whoever comes back", async () => {
    const script = scriptedModel(words);
    const release = script.hold(10);
    const { url, headrace } = await startGateway({ models: { poet: script.model } });
    const response = await post(url);
    await response.body?.cancel();
    await eventually(() => headrace.streams.readerCount === 0, "the reader's leaving");
    release();
    await eventually(() => headrace.streams.openCount === 0, "the answer's end");
    const whole = await allFrames(await fetch(`${url}/v1/streams/${response.headers.get("headrace-stream-id")}`));
    expect(whole.at(-1)).toContain("[DONE]");
    expect(whole.length).toBeGreaterThan(60);
  });

  test("is stopped after its linger time when the policy says cancel", async () => {
    const script = scriptedModel(words);
    script.hold(10);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 30 },
    });
    const response = await post(url);
    await response.body?.cancel();
    await eventually(() => headrace.streams.openCount === 0, "the stop");
    expect(script.aborted).toBe(true);
    const frames = await allFrames(await fetch(`${url}/v1/streams/${response.headers.get("headrace-stream-id")}`));
    expect(frames.join("")).not.toContain("[DONE]");
    expect(frames.at(-1)).toContain('"error"');
  });

  test.each([true, false])("is stopped when the client left right behind its request (stream: %s)", async (stream) => {
    const script = scriptedModel(words);
    script.hold(10);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 0 },
      log: { store: "sqlite", path: join(await temporaryFolder(), "log.db"), durability: "disk" },
    });
    const body = JSON.stringify({ model: "poet", stream, messages: [{ role: "user", content: "go" }] });
    for (let index = 0; index < 8; index++) {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => {
        socket.write(
          "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" +
            `content-length: ${body.length}\r\n\r\n${body}`,
        );
        socket.destroy();
      });
    }
    await eventually(() => script.started === 8, "the requests");
    await eventually(() => headrace.streams.openCount === 0, "the stop");
    expect(script.aborted).toBe(true);
  });
});

describe("one of many readers", () => {
  test("reads the same as the others, whenever it joins and in whatever protocol it was started", async () => {
    const script = scriptedModel(words);
    const release = script.hold(40);
    const { url } = await startGateway({ models: { poet: script.model } });
    const first = await post(url);
    const id = first.headers.get("headrace-stream-id");
    const others = await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/v1/streams/${id}`)));
    const asText = await fetch(`${url}/v1/streams/${id}?as=text`);
    release();
    const whole = await allFrames(first);
    for (const other of others) expect(await allFrames(other)).toEqual(whole);
    expect(await asText.text()).toBe(words.join(""));
  });
});
