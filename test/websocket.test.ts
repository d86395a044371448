import { once } from "node:events";
import { describe, expect, test } from "vitest";

import { allFrames, eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import { ask, connect, type Message, textOf } from "./support/websocket.ts";

async function startPoet(words: readonly string[] = ["Roses ", "are ", "red"]) {
  const script = scriptedModel(words);
  return { script, ...(await startGateway({ models: { poet: script.model } })) };
}

describe("an answer on a WebSocket", () => {
  test("comes as events, each with its cursor, and says when it is done", async () => {
    const { url } = await startPoet();
    const client = await connect(url);
    client.send(ask("poet"));
    const [started, ...messages] = await client.whole("r1");
    expect(started).toEqual({ type: "started", id: "r1", stream: expect.stringMatching(/^st_/) });
    expect(messages.map(({ event, type }) => event?.type ?? type)).toEqual([
      "stream-start",
      "attempt-start",
      "text-delta",
      "text-delta",
      "text-delta",
      "finish",
      "stream-end",
      "done",
    ]);
    expect(textOf(messages)).toBe("Roses are red");
    expect(messages.every(({ cursor }) => /^\d+-\d+(\.\d+\.events)?$/.test(cursor ?? ""))).toBe(true);
    expect(messages.at(-1)).toMatchObject({ outcome: "completed" });
  });

  test("can be asked for in any protocol, and told in the frames of any other", async () => {
    const { url } = await startPoet();
    const client = await connect(url);
    const body = { model: "poet", messages: [{ role: "user", content: "go" }] };
    client.send({ type: "start", id: "a", protocol: "openai-chat", body, as: "openai-chat" });
    const messages = await client.whole("a");
    const frames = messages.flatMap(({ frame }) => frame ?? []);
    const { stream } = messages[0] as { stream: string };
    const http = await fetch(`${url}/v1/streams/${stream}?as=openai-chat`);
    const bare = (await allFrames(http)).map((frame) => frame.replace(/^id: .*\n/, ""));
    expect(frames).toEqual(bare);
    expect(frames.at(-1)).toBe("data: [DONE]\n\n");
    client.send({ type: "follow", id: "b", stream, as: "ollama-chat" });
    expect((await client.whole("b")).flatMap(({ frame }) => frame ?? []).at(-1)).toContain('"done":true');
    client.send({ type: "follow", id: "c", stream });
    expect(textOf(await client.whole("c"))).toBe("Roses are red");
  });

  test.each([undefined, "openai-chat"])("goes on from every cursor with exactly the rest (as %s)", async (as) => {
    const { url } = await startPoet();
    const client = await connect(url);
    client.send({ ...ask("poet"), as });
    const [started, ...whole] = await client.whole("r1");
    const bare = (message: Message) => ({ ...message, id: "" });
    for (const [index, { cursor }] of whole.entries()) {
      const id = `f${index}`;
      client.send({ type: "follow", id, stream: started?.stream, after: cursor, as });
      const [following, ...rest] = await client.whole(id);
      expect(following).toMatchObject({ type: "following" });
      // Whoever has everything is told once more how it ended.
      const expected = index === whole.length - 1 ? whole.slice(-2) : whole.slice(index + 1);
      expect(rest.map(bare)).toEqual(expected.map(bare));
    }
  });

  test("goes on where another connection left off, while it is still being written", async () => {
    const { url, script } = await startPoet();
    const goOn = script.hold(1);
    const first = await connect(url);
    first.send(ask("poet"));
    const seen = await first.find(({ event }) => event?.type === "text-delta");
    const { stream } = first.messages[0] as { stream: string };
    first.socket.close();
    await first.closed;
    const second = await connect(url);
    second.send({ type: "follow", id: "again", stream, after: seen.cursor });
    await second.find(({ type }) => type === "following");
    goOn();
    expect(textOf(await second.whole("again"))).toBe("are red");
  });

  test("is the same for two sockets, and for one that asked over HTTP", async () => {
    const { url } = await startPoet();
    const response = await fetch(`${url}/v1/streams`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "poet", prompt: "go" }),
    });
    const frames = await allFrames(response);
    const stream = response.headers.get("headrace-stream-id");
    for (const client of [await connect(url), await connect(url)]) {
      client.send({ type: "follow", id: "x", stream });
      const events = (await client.whole("x")).flatMap(({ event }) => event ?? []);
      expect(events).toEqual(frames.map((frame) => JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? "") as unknown));
    }
  });

  test("does not disturb another on the same socket", async () => {
    const one = scriptedModel(["a1 ", "a2 ", "a3"]);
    const other = scriptedModel(["b1 ", "b2 ", "b3"]);
    const { url } = await startGateway({ models: { one: one.model, other: other.model } });
    const goOn = one.hold(1);
    const client = await connect(url);
    client.send(ask("one", "a"));
    client.send(ask("other", "b"));
    expect(textOf(await client.whole("b"))).toBe("b1 b2 b3");
    expect(textOf(client.messages.filter(({ id }) => id === "a"))).toBe("a1 ");
    goOn();
    expect(textOf(await client.whole("a"))).toBe("a1 a2 a3");
  });

  test("is started once by an idempotency key, whatever happens to the socket", async () => {
    const { url, script } = await startPoet();
    const streams = new Set<string | undefined>();
    for (const client of [await connect(url), await connect(url)]) {
      client.send({ ...ask("poet"), idempotencyKey: "k1" });
      const messages = await client.whole("r1");
      streams.add(messages[0]?.stream);
      expect(textOf(messages)).toBe("Roses are red");
    }
    expect(streams.size).toBe(1);
    expect(script.started).toBe(1);
  });

  test("works with the WebSocket that browsers and Node have", async () => {
    const { url } = await startPoet();
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`);
    const messages: Message[] = [];
    const done = Promise.withResolvers<void>();
    socket.addEventListener("message", ({ data }) => {
      messages.push(JSON.parse(data as string) as Message);
      if (messages.at(-1)?.type === "done") done.resolve();
    });
    await once(socket, "open");
    socket.send(JSON.stringify(ask("poet")));
    await done.promise;
    expect(textOf(messages)).toBe("Roses are red");
    socket.close();
    await once(socket, "close");
  });
});

describe("stopping and leaving", () => {
  test("cancel stops the model, also before it has begun", async () => {
    const { url, script } = await startPoet();
    script.hold(1);
    const client = await connect(url);
    client.send(ask("poet", "a"));
    await client.find(({ event }) => event?.type === "text-delta");
    client.send({ type: "cancel", id: "a" });
    expect((await client.whole("a")).at(-1)).toMatchObject({ type: "done", outcome: "cancelled" });
    await eventually(() => script.aborted, "the model's stop");
    client.send(ask("poet", "b"));
    client.send({ type: "cancel", id: "b" });
    expect((await client.whole("b")).at(-1)).toMatchObject({ type: "done", outcome: "cancelled" });
  });

  test.each(["leave", "close"])("%s counts as a reader that went away", async (how) => {
    const script = scriptedModel(["a", "b"]);
    script.hold(1);
    const { url, headrace } = await startGateway({
      models: { poet: script.model },
      reliability: { onDisconnect: "cancel", lingerMs: 0 },
    });
    const client = await connect(url);
    client.send(ask("poet"));
    await client.find(({ event }) => event?.type === "text-delta");
    expect(headrace.streams.readerCount).toBe(1);
    if (how === "leave") client.send({ type: "leave", id: "r1" });
    else client.socket.terminate();
    await eventually(() => script.aborted, "the model's stop");
    expect(headrace.streams.readerCount).toBe(0);
    expect(client.messages.some(({ type }) => type === "done")).toBe(false);
  });
});

describe("a message that is wrong", () => {
  const wrong: [string, object | string, { id?: string; code: string; param?: string }][] = [
    ["bad JSON", "{oops", { code: "invalid-request" }],
    ["no object", "[1]", { code: "invalid-request" }],
    ["too deep", `{"type":"ping","id":${"[".repeat(99)}${"]".repeat(99)}}`, { code: "invalid-request" }],
    ["an unknown type", { type: "dance", id: "x" }, { id: "x", code: "invalid-request", param: "type" }],
    ["no id", { type: "start", body: {} }, { code: "invalid-request", param: "id" }],
    ["a long id", { type: "ping", id: "x".repeat(200) }, { code: "invalid-request", param: "id" }],
    ["no body", { type: "start", id: "x" }, { id: "x", code: "invalid-request", param: "body" }],
    ["an unknown model", ask("nope", "x"), { id: "x", code: "model-not-found", param: "model" }],
    [
      "an unknown protocol",
      { ...ask("poet", "x"), protocol: "morse" },
      { id: "x", code: "invalid-request", param: "protocol" },
    ],
    ["an unknown form", { ...ask("poet", "x"), as: "morse" }, { id: "x", code: "invalid-request", param: "as" }],
    [
      "a body that is wrong",
      { ...ask("poet", "x"), protocol: "openai-chat", body: { model: "poet", messages: [] } },
      { id: "x", code: "invalid-request", param: "messages" },
    ],
    ["an unknown stream", { type: "follow", id: "x", stream: "st_nope" }, { id: "x", code: "stream-not-found" }],
    ["nothing to cancel", { type: "cancel", id: "x" }, { id: "x", code: "invalid-request", param: "id" }],
    ["nothing to leave", { type: "leave", id: "x" }, { id: "x", code: "invalid-request", param: "id" }],
  ];

  test.each(wrong)("%s is answered with an error, and the socket goes on", async (_what, message, { id, ...error }) => {
    const { url } = await startPoet();
    const client = await connect(url);
    client.send(message);
    const answer = await client.find(({ type }) => type === "error");
    expect(answer.id).toBe(id);
    expect(answer.error).toMatchObject(error);
    client.send(ask("poet", "x"));
    expect(textOf(await client.whole("x"))).toBe("Roses are red");
  });

  test("a foreign cursor is refused, and the stream can be followed all the same", async () => {
    const { url } = await startPoet();
    const client = await connect(url);
    client.send(ask("poet"));
    const [{ stream } = {}] = await client.whole("r1");
    for (const [after, code] of [
      ["1-99", "cursor-invalid"],
      ["7-2", "cursor-invalid"],
      ["x", "invalid-request"],
    ]) {
      client.send({ type: "follow", id: `f${after}`, stream, after });
      const { error } = await client.find(({ id, type }) => id === `f${after}` && type === "error");
      expect(error?.code).toBe(code);
    }
  });

  test("an id that is in use is refused without harm to its first bearer", async () => {
    const { url, script } = await startPoet();
    const goOn = script.hold(1);
    const client = await connect(url);
    client.send(ask("poet"));
    client.send(ask("poet"));
    expect((await client.find(({ type }) => type === "error")).error).toMatchObject({ param: "id" });
    goOn();
    expect(textOf(await client.whole("r1"))).toBe("Roses are red");
  });

  test("what a model fails with is the end of its stream only", async () => {
    const failing = async function* () {
      yield "half";
      throw new Error("SECRET");
    };
    const { url } = await startGateway({ models: { failing, poet: scriptedModel(["ok"]).model } });
    const client = await connect(url);
    client.send(ask("failing", "a"));
    const done = (await client.whole("a")).at(-1);
    expect(done).toMatchObject({ type: "done", outcome: "failed", error: { code: expect.any(String) } });
    expect(JSON.stringify(client.messages)).not.toContain("SECRET");
    client.send(ask("poet", "b"));
    expect(textOf(await client.whole("b"))).toBe("ok");
  });

  test("a binary one closes the socket with 1003, one that is too big with 1009", async () => {
    const { url } = await startGateway({ server: { maxBodyBytes: 1_000 } });
    const binary = await connect(url);
    binary.socket.send(Buffer.from([1, 2, 3]));
    expect((await binary.closed).code).toBe(1003);
    const big = await connect(url);
    big.send({ type: "ping", id: "x", padding: "x".repeat(2_000) });
    expect((await big.closed).code).toBe(1009);
  });
});
