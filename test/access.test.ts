import { describe, expect, test } from "vitest";

import { createHeadrace } from "../src/index.ts";
import { allFrames, scriptedModel, startGateway } from "./support/gateway.ts";

const ask = JSON.stringify({ model: "poet", stream: true, messages: [{ role: "user", content: "go" }] });
const keys = [
  { name: "ann", key: "ann-key-0123456789" },
  { name: "bob", key: "bob-key-0123456789" },
];
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

async function startWithKeys() {
  const { url } = await startGateway({ models: { poet: scriptedModel(["a ", "b "]).model }, access: { keys } });
  const post = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: ask,
    });
  return { url, post };
}

describe("with keys configured", () => {
  test("every header that official clients use lets the same caller in", async () => {
    const { post } = await startWithKeys();
    for (const headers of [
      bearer("ann-key-0123456789"),
      { "x-api-key": "ann-key-0123456789" },
      { "api-key": "ann-key-0123456789" },
      { "x-goog-api-key": "ann-key-0123456789" },
    ]) {
      const response = await post(headers);
      expect(response.status).toBe(200);
      await response.body?.cancel();
    }
  });

  test.each([
    ["no key", {}],
    ["an unknown key", bearer("nobody")],
    ["a key with quotes", bearer(`' OR "1"="1`)],
    ["a very long key", bearer("x".repeat(8_000))],
    ["the beginning of a key", bearer("ann-key-012345678")],
    ["a scheme that is not Bearer", { authorization: "Basic YW5uOmFubg==" }],
  ])("%s gets 401 in the protocol's shape", async (_what, headers) => {
    const { post } = await startWithKeys();
    const response = await post(headers);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } });
  });

  test("two different keys in one request are refused", async () => {
    const { post } = await startWithKeys();
    const response = await post({ ...bearer("ann-key-0123456789"), "x-api-key": "bob-key-0123456789" });
    expect(response.status).toBe(400);
  });

  test("a stream does not exist for others: not to read, to resume, to stop, to list", async () => {
    const { url, post } = await startWithKeys();
    const response = await post(bearer("ann-key-0123456789"));
    const frames = await allFrames(response);
    const id = response.headers.get("headrace-stream-id") as string;
    const bob = { headers: bearer("bob-key-0123456789") };
    const ann = { headers: bearer("ann-key-0123456789") };
    const unknown = await fetch(`${url}/v1/streams/st_0000000000000000000000`, bob);
    const unknownBody = await unknown.text();
    const foreign = await fetch(`${url}/v1/streams/${id}`, bob);
    expect(foreign.status).toBe(404);
    expect((await foreign.text()).replace(id, "ID")).toBe(unknownBody.replace("st_0000000000000000000000", "ID"));
    expect((await fetch(`${url}/v1/streams/${id}`, { ...bob, method: "DELETE" })).status).toBe(404);
    const resume = await post({ ...bearer("bob-key-0123456789"), "last-event-id": `${id}:1-1` });
    expect(resume.status).toBe(404);
    expect(await (await fetch(`${url}/v1/streams`, bob)).json()).toMatchObject({ data: [] });
    expect(await (await fetch(`${url}/v1/streams`, ann)).json()).toMatchObject({ data: [{ id }] });
    expect(await allFrames(await fetch(`${url}/v1/streams/${id}`, ann))).toEqual(frames);
  });

  test("an idempotency key of one caller means nothing to another", async () => {
    const { post } = await startWithKeys();
    const started = async (key: string): Promise<string | null> => {
      const response = await post({ ...bearer(key), "idempotency-key": "once" });
      await response.body?.cancel();
      return response.headers.get("headrace-stream-id");
    };
    const first = await started("ann-key-0123456789");
    expect(await started("ann-key-0123456789")).toBe(first);
    expect(await started("bob-key-0123456789")).not.toBe(first);
  });

  test("health needs no key, models do", async () => {
    const { url } = await startWithKeys();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
  });
});

describe("a gateway on this machine only", () => {
  test("refuses web pages and host names that are not its own", async () => {
    const { headrace } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
    const models = (headers: Record<string, string>): Promise<Response> =>
      headrace.fetch(new Request("http://127.0.0.1/v1/models", { headers }));
    expect((await models({ host: "evil.example" })).status).toBe(403);
    expect((await models({ host: "127.0.0.1.evil.example" })).status).toBe(403);
    expect((await models({ host: "localhost:8484", origin: "https://evil.example" })).status).toBe(403);
    expect((await models({ host: "localhost:8484", origin: "null" })).status).toBe(403);
    const page = await models({ host: "localhost:8484", origin: "http://localhost:3000" });
    expect(page.status).toBe(200);
    expect(page.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
  });

  test("refuses to be opened to others without keys", async () => {
    await expect(
      createHeadrace({ server: { host: "0.0.0.0" }, log: { store: "memory" } }, { environment: {} }),
    ).rejects.toThrow(/needs keys.*HEADRACE_API_KEYS/);
  });
});

describe("an Idempotency-Key", () => {
  test("leads the same request to the same stream, and another request to 409", async () => {
    const script = scriptedModel(["a ", "b "]);
    const { url } = await startGateway({ models: { poet: script.model } });
    const post = (content: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "k1" },
        body: JSON.stringify({ model: "poet", stream: true, messages: [{ role: "user", content }] }),
      });
    const [first, second] = await Promise.all([post("go"), post("go")]);
    expect(await allFrames(second)).toEqual(await allFrames(first));
    expect(script.started).toBe(1);
    expect((await post("other")).status).toBe(409);
  });

  test("leads to the stream's id at once with `Prefer: respond-async`, so that it can be stopped before its first token", async () => {
    const script = scriptedModel(["too late"]);
    script.hold(0);
    const { url } = await startGateway({ models: { slow: script.model } });
    const post = (more: Record<string, string>): Promise<Response> =>
      fetch(`${url}/v1/streams`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "k1", ...more },
        body: JSON.stringify({ model: "slow", prompt: "go" }),
      });
    const waiting = post({});
    const told = await post({ prefer: "respond-async" });
    expect(told.status).toBe(202);
    const { id, state } = (await told.json()) as { id: string; state: string };
    expect(state).toBe("open");
    expect(told.headers.get("location")).toBe(`/v1/streams/${id}`);
    await fetch(`${url}/v1/streams/${id}`, { method: "DELETE" });
    const response = await waiting;
    expect(response.headers.get("headrace-stream-id")).toBe(id);
    expect((await allFrames(response)).at(-1)).toContain('"cancelled"');
    expect(script.started).toBe(1);
  });
});
