import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "vitest";
import { type ClientOptions, createClient } from "../src/client/client.ts";
import type { StreamEvent } from "../src/core/events.ts";
import { createVirtualClock } from "../src/testing.ts";

const sentence = "The quick brown fox jumps over the lazy dog, and nobody minds at all. ";
const events: StreamEvent[] = [
  { type: "stream-start", streamId: "st_1", format: 1, protocol: "events", model: "m", createdAt: 0 },
  { type: "attempt-start", provider: "sim", model: "m" },
  ...sentence.split(/(?<= )/).map((text): StreamEvent => ({ type: "text-delta", text })),
  { type: "finish", reason: "stop" },
  { type: "usage", usage: { inputTokens: 1, outputTokens: 14 } },
  { type: "stream-end", outcome: "completed" },
];
const frames = events.map((event, seq) => `id: st_1:1-${seq}\ndata: ${JSON.stringify(event)}\n\n`);

interface Seen {
  method: string;
  path: string;
  headers: Headers;
  body: unknown;
}

type Step = (seen: Seen) => Response | Promise<Response>;

/** A server that follows a script, and after it serves `sentence` properly. */
function scripted(steps: Step[] = []) {
  const calls: Seen[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname, search } = new URL(url);
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
    const seen = { method: init.method ?? "GET", path: pathname + search, headers: new Headers(init.headers), body };
    calls.push(seen);
    init.signal?.throwIfAborted();
    return (steps.shift() ?? serveRest)(seen);
  };
  return { calls, fetch };
}

function sse(parts: string[], end: "close" | "break" | "hang" = "close"): Response {
  const encoder = new TextEncoder();
  const queue = [...parts];
  const body = new ReadableStream<Uint8Array>(
    {
      // One at a time, since an error drops what was queued before it.
      pull(controller) {
        const part = queue.shift();
        if (part !== undefined) controller.enqueue(encoder.encode(part));
        else if (end === "close") controller.close();
        else if (end === "break") controller.error(new TypeError("terminated"));
        else return new Promise<void>(() => {});
        return undefined;
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream", "headrace-stream-id": "st_1" } });
}

/** What a gateway does: everything after the cursor that the client names. */
function serveRest({ headers, path }: Seen): Response {
  const after = /-(\d+)$/.exec(headers.get("last-event-id") ?? path)?.[1];
  return sse(frames.slice(after === undefined ? 0 : Number(after) + 1));
}

const brokenNetwork: Step = () => {
  throw new TypeError("fetch failed");
};

const failure = (status: number, code: string | null, headers: Record<string, string> = {}): Step => {
  return () => Response.json({ error: { message: `told ${status}`, code } }, { status, headers });
};

function clientOf(fetch: ClientOptions["fetch"], options: ClientOptions = {}) {
  const clock = createVirtualClock();
  let counter = 0;
  const random = { number: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(++counter) };
  return { clock, client: createClient({ clock, random, ...(fetch && { fetch }), ...options }) };
}

async function read(answer: { text: AsyncIterable<string> }): Promise<string> {
  let text = "";
  for await (const piece of answer.text) text += piece;
  return text;
}

async function within<T>(clock: { runAll(): Promise<void> }, promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  await clock.runAll();
  return promise;
}

describe("a connection that breaks", () => {
  test.each(["close", "break"] as const)("at any event (%s) changes nothing in the text", async (end) => {
    for (let cut = 0; cut < frames.length; cut++) {
      const { calls, fetch } = scripted([() => sse(frames.slice(0, cut), end)]);
      const { client, clock } = clientOf(fetch);
      const answer = client.stream({ prompt: "go" });
      assert.equal(await within(clock, read(answer)), sentence, `cut after ${cut} events`);
      const seen: StreamEvent[] = [];
      for await (const event of answer.events) seen.push(event);
      assert.deepEqual(seen, events, `cut after ${cut} events`);
      assert.equal(calls.length, 2);
      assert.equal(calls[1]?.method, "GET");
      assert.equal(calls[1]?.headers.get("last-event-id"), cut === 0 ? null : `st_1:1-${cut - 1}`);
    }
  });

  test("after every single event changes nothing either", async () => {
    const steps = frames.map(
      (_, index): Step =>
        () =>
          sse(frames.slice(index, index + 1), "break"),
    );
    const { calls, fetch } = scripted(steps);
    const { client, clock } = clientOf(fetch);
    assert.equal(await within(clock, read(client.stream({ prompt: "go" }))), sentence);
    assert.equal(calls.length, frames.length);
  });

  test("in the middle of an event does not show half of it, nor lose it", async () => {
    const all = frames.join("");
    for (let cut = 1; cut < all.length; cut += 7) {
      const { fetch } = scripted([() => sse([all.slice(0, cut)], "break")]);
      const { client, clock } = clientOf(fetch);
      assert.equal(await within(clock, read(client.stream({ prompt: "go" }))), sentence, `cut after ${cut} bytes`);
    }
  });

  test("on a real socket, torn down at every event, changes nothing in the text", async () => {
    let requests = 0;
    const server = createServer((request, response) => {
      requests += 1;
      const after = /-(\d+)$/.exec(String(request.headers["last-event-id"]))?.[1];
      const next = after === undefined ? 0 : Number(after) + 1;
      response.writeHead(200, { "content-type": "text/event-stream", "headrace-stream-id": "st_1" });
      response.write(frames[next] ?? "", () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      // Without jitter there is no pause between two tries.
      const random = { number: () => 0, bytes: (length: number) => new Uint8Array(length) };
      const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, random });
      assert.equal(await read(client.stream({ prompt: "go" })), sentence);
      assert.equal(requests, frames.length);
    } finally {
      server.close();
    }
  });

  test("without saying so is noticed by its silence", async () => {
    const { calls, fetch } = scripted([() => sse(frames.slice(0, 4), "hang")]);
    const { client, clock } = clientOf(fetch, { silenceMs: 45_000 });
    const answer = client.stream({ prompt: "go" });
    await clock.advance(44_000);
    assert.equal(calls.length, 1);
    await clock.advance(20_000);
    assert.equal(calls.length, 2);
    assert.equal((await answer.final).text, sentence);
  });

  test("before it even answers is noticed, too", async () => {
    const { calls, fetch } = scripted([() => new Promise(() => {})]);
    const { client, clock } = clientOf((url, init) => {
      const aborted = new Promise<never>((_, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
      return Promise.race([fetch(url, init), aborted]);
    });
    const answer = client.stream({ prompt: "go" });
    await clock.advance(60_000);
    assert.equal((await answer.final).text, sentence);
    assert.equal(calls.length, 2);
  });

  test("is not taken for silent while heartbeats come", async () => {
    const encoder = new TextEncoder();
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const { calls, fetch } = scripted([
      () => new Response(new ReadableStream({ start: (given) => void (controller = given) })),
    ]);
    const { client, clock } = clientOf(fetch);
    const answer = client.stream({ prompt: "go" });
    for (let beat = 0; beat < 10; beat++) {
      await clock.advance(15_000);
      controller?.enqueue(encoder.encode(": heartbeat\n\n"));
    }
    controller?.enqueue(encoder.encode(frames.join("")));
    assert.equal((await answer.final).text, sentence);
    assert.equal(calls.length, 1);
  });
});

describe("starting a stream", () => {
  test("is repeated with the same idempotency key when the answer to it is lost, so nothing is paid twice", async () => {
    const { calls, fetch } = scripted([brokenNetwork, failure(503, null), brokenNetwork]);
    const { client, clock } = clientOf(fetch);
    assert.equal(await within(clock, read(client.stream({ prompt: "go" }))), sentence);
    assert.deepEqual(
      calls.map(({ method }) => method),
      ["POST", "POST", "POST", "POST"],
    );
    const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0] ?? "", /^[0-9a-f]{32}$/);
  });

  test("takes a new key for each call, or the given one", async () => {
    const { calls, fetch } = scripted();
    const { client } = clientOf(fetch);
    await client.stream({ prompt: "go" }).final;
    await client.stream({ prompt: "go" }).final;
    await client.stream({ prompt: "go", idempotencyKey: "order-7" }).final;
    const keys = calls.map(({ headers }) => headers.get("idempotency-key"));
    assert.notEqual(keys[0], keys[1]);
    assert.equal(keys[2], "order-7");
  });

  test("sends prompt, messages and any other field as they are, and the key as a bearer token", async () => {
    const { calls, fetch } = scripted();
    const { client } = clientOf(fetch, { apiKey: "k1", baseUrl: "http://gateway.example:8484/v1/" });
    const body = { model: "m", messages: [{ role: "user", content: "hi" }], temperature: 0 };
    await client.stream({ ...body, idempotencyKey: "x", signal: new AbortController().signal }).final;
    assert.deepEqual(calls[0]?.body, body);
    assert.equal(calls[0]?.path, "/v1/streams");
    assert.equal(calls[0]?.headers.get("authorization"), "Bearer k1");
  });
});

describe("a server that refuses", () => {
  test.each([
    [400, "invalid-request"],
    [401, "unauthorized"],
    [404, "model-not-found"],
    [409, "idempotency-conflict"],
    [502, "provider-auth"],
  ])("for good (%i) is not asked again", async (status, code) => {
    const { calls, fetch } = scripted([failure(status, code)]);
    const { client, clock } = clientOf(fetch);
    await assert.rejects(within(clock, client.stream({ prompt: "go" }).final), { code, message: `told ${status}` });
    assert.equal(calls.length, 1);
  });

  test.each([
    [408, null],
    [429, "rate-limited"],
    [502, null],
    [503, "overloaded"],
  ])("for now (%i) is asked again", async (status, code) => {
    const { calls, fetch } = scripted([failure(status, code)]);
    const { client, clock } = clientOf(fetch);
    assert.equal((await within(clock, client.stream({ prompt: "go" }).final)).text, sentence);
    assert.equal(calls.length, 2);
  });

  test("is given the time it asks for", async () => {
    const { calls, fetch } = scripted([failure(429, "rate-limited", { "retry-after": "7" })]);
    const { client, clock } = clientOf(fetch);
    const answer = client.stream({ prompt: "go" });
    await clock.advance(6_900);
    assert.equal(calls.length, 1);
    await clock.advance(200);
    assert.equal(calls.length, 2);
    await answer.final;
  });

  test("or cannot be reached is given up after the configured tries", async () => {
    const { calls, fetch } = scripted(Array<Step>(100).fill(brokenNetwork));
    const { client, clock } = clientOf(fetch, { retry: { maxTries: 4 } });
    await assert.rejects(
      within(clock, client.stream({ prompt: "go" }).final),
      /cannot reach http:\/\/127\.0\.0\.1:8484/,
    );
    assert.equal(calls.length, 4);
  });

  test("is given up after the configured time", async () => {
    const { fetch } = scripted(Array<Step>(100).fill(brokenNetwork));
    const { client, clock } = clientOf(fetch, { retry: { maxTries: 100, maxTotalMs: 10_000 } });
    await assert.rejects(within(clock, client.stream({ prompt: "go" }).final), { code: "stream-interrupted" });
    assert.ok(clock.elapsed() <= 10_000);
  });

  test("waits longer each time, up to 8 seconds", async () => {
    const { calls, fetch } = scripted(Array<Step>(100).fill(brokenNetwork));
    const { client, clock } = clientOf(
      async (url, init) => {
        times.push(clock.elapsed());
        return fetch(url, init);
      },
      { retry: { maxTries: 8 } },
    );
    const times: number[] = [];
    await assert.rejects(within(clock, client.stream({ prompt: "go" }).final));
    assert.equal(calls.length, 8);
    assert.deepEqual(
      times.slice(1).map((time, index) => time - (times[index] ?? 0)),
      [250, 500, 1000, 2000, 4000, 4000, 4000],
    );
  });
});

describe("the rest of the client", () => {
  test("a stream is followed from a cursor on", async () => {
    const { calls, fetch } = scripted();
    const { client } = clientOf(fetch);
    const answer = client.follow("st_1", { after: "1-3" });
    assert.equal(
      await read(answer),
      sentence
        .split(/(?<= )/)
        .slice(2)
        .join(""),
    );
    assert.equal(calls[0]?.path, "/v1/streams/st_1?as=events&after=1-3");
    assert.equal((await answer.final).streamId, "st_1");
  });

  test("stopping an answer stops it on the server, and what arrived stays", async () => {
    const stopped = Promise.withResolvers<void>();
    const cancelled = `id: st_1:1-4\ndata: ${JSON.stringify({ type: "stream-end", outcome: "cancelled" })}\n\n`;
    const { calls, fetch } = scripted([
      () => {
        const parts = frames.slice(0, 4).join("");
        const body = new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode(parts));
            await stopped.promise;
            controller.enqueue(new TextEncoder().encode(cancelled));
            controller.close();
          },
        });
        return new Response(body, { headers: { "headrace-stream-id": "st_1" } });
      },
      () => {
        stopped.resolve();
        return Response.json({ id: "st_1" });
      },
    ]);
    const { client } = clientOf(fetch);
    const answer = client.stream({ prompt: "go" });
    await answer.stop();
    const final = await answer.final;
    assert.equal(final.outcome, "cancelled");
    assert.equal(final.text, "The quick ");
    assert.deepEqual([calls[1]?.method, calls[1]?.path], ["DELETE", "/v1/streams/st_1"]);
  });

  test("a signal ends the reading, and nothing is asked of the server any more", async () => {
    const { calls, fetch } = scripted([() => sse(frames.slice(0, 4), "hang")]);
    const { client, clock } = clientOf(fetch);
    const reading = new AbortController();
    const answer = client.stream({ prompt: "go", signal: reading.signal });
    assert.equal(await answer.id, "st_1");
    await clock.advance(10);
    reading.abort();
    await assert.rejects(answer.final, { code: "cancelled" });
    await clock.runAll();
    assert.equal(calls.length, 1);
    assert.equal(clock.pending, 0);
  });

  test("lists streams and models", async () => {
    const { client } = clientOf(
      scripted([
        () =>
          Response.json({ data: [{ id: "st_1", model: "m", state: "open", created_at: "2026-01-01T00:00:00.000Z" }] }),
        () => Response.json({ data: [{ id: "sim/gpt-4o", owned_by: "the simulator" }] }),
      ]).fetch,
    );
    assert.deepEqual(await client.streams(), [
      { id: "st_1", model: "m", state: "open", createdAt: Date.UTC(2026, 0, 1) },
    ]);
    assert.deepEqual(await client.models(), [{ id: "sim/gpt-4o", ownedBy: "the simulator" }]);
  });
});
