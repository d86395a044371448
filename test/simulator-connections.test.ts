import { connect } from "node:net";

import OpenAI from "openai";
import { describe, expect, onTestFinished, test } from "vitest";

import { serveSimulator } from "../src/runtimes/simulator.ts";
import { systemClock } from "../src/outside.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { spokenIn, wordsIn } from "./support/faults.ts";
import { eventually } from "./support/gateway.ts";
import { sky } from "./support/simulator.ts";

async function open() {
  const server = await serveSimulator(createSimulator({ clock: systemClock }), { host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close());
  return server;
}

/** What a socket sees of one request: the bytes, and how the connection went down, if it did. */
async function exchange(fault: string, { words = 10 } = {}) {
  const { port } = await open();
  const body = JSON.stringify({ model: `instant?words=${words}&fault=${fault}`, messages: sky, stream: true });
  const seen = { text: "", down: "" };
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.setEncoding("latin1").on("data", (text: string) => (seen.text += text));
  socket.on("end", () => (seen.down ||= "closed"));
  socket.on("error", (error: NodeJS.ErrnoException) => (seen.down ||= String(error.code)));
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: simulator\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return seen;
}

describe("over HTTP", () => {
  test.each([
    ["refuse", "ECONNRESET"],
    ["reset", "ECONNRESET"],
    ["cut", "closed"],
  ])("%s: the connection goes down before the headers", async (fault, down) => {
    const seen = await exchange(fault);
    await eventually(() => seen.down !== "", "the end of the connection");
    expect(seen).toEqual({ text: "", down });
  });

  test.each([
    ["cut@4", "closed"],
    ["reset@4", "ECONNRESET"],
  ])("%s: all that was said arrives, and no last chunk", async (fault, down) => {
    const seen = await exchange(fault);
    await eventually(() => seen.down !== "", "the end of the connection");
    expect([countChunks(seen.text), seen.down]).toEqual([4, down]);
    expect(seen.text).toContain("Transfer-Encoding: chunked");
    expect(seen.text).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  test("eof@4: the body ends as a whole one does", async () => {
    const seen = await exchange("eof@4");
    await eventually(() => seen.text.endsWith("\r\n0\r\n\r\n"), "the last chunk");
    expect(countChunks(seen.text)).toBe(4);
  });

  test("black-hole and stall: the connection stays open, and nothing comes", async () => {
    const hole = await exchange("black-hole");
    const stalled = await exchange("stall@4");
    const beforeAny = await exchange("stall@0");
    await eventually(() => countChunks(stalled.text) === 4 && beforeAny.text.endsWith("\r\n\r\n"), "what does come");
    expect(hole).toEqual({ text: "", down: "" });
    expect([stalled.down, stalled.text.includes("\r\n0\r\n")]).toEqual(["", false]);
    expect(beforeAny.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test("content-length: what was announced is not what comes", async () => {
    const long = await exchange("content-length:99999");
    await eventually(() => long.down === "closed", "the end of the connection");
    expect(long.text).toMatch(/content-length: 99999\r\n/);
    expect(long.text).toMatch(/data: \[DONE\]\n\n$/);
    const short = await exchange("content-length:100");
    await eventually(() => short.down === "closed", "the end of the connection");
    expect(short.text.split("\r\n\r\n")[1]).toHaveLength(100);
  });

  test("split: each piece is a chunk of its own", async () => {
    const seen = await exchange("split:3", { words: 2 });
    await eventually(() => seen.text.endsWith("\r\n0\r\n\r\n"), "the last chunk");
    expect(seen.text.match(/\r\n3\r\n/g)?.length).toBeGreaterThan(100);
  });
});

/** How many words were said. */
function countChunks(text: string): number {
  return text.match(/"content":"[^"]/g)?.length ?? 0;
}

describe("a client over HTTP", () => {
  test("finds an unspoilt answer whole", async () => {
    const { baseUrl } = await open();
    const response = await ask(baseUrl, "instant?words=60");
    expect(wordsIn(await response.text())).toBe(60);
  });

  test("is told by its own library that an answer broke off", async () => {
    const { baseUrl } = await open();
    const client = new OpenAI({ baseURL: baseUrl, apiKey: "none", maxRetries: 0 });
    let said = "";
    const reading = (async () => {
      const request = { model: "instant?words=60&fault=cut@40", messages: [...sky], stream: true as const };
      for await (const chunk of await client.chat.completions.create(request)) said += chunk.choices[0]?.delta.content;
    })();
    await expect(reading).rejects.toThrow("terminated");
    expect(said.split(" ")).toHaveLength(40);
  });

  test("may compress, and gets what was compressed", async () => {
    const { baseUrl } = await open();
    const plain = await (await ask(baseUrl, "instant?words=60")).text();
    expect(spokenIn(await (await ask(baseUrl, "instant?words=60&fault=gzip")).text())).toBe(spokenIn(plain));
  });

  test("that leaves while nothing comes is forgotten at once", async () => {
    let left = 0;
    const simulate = createSimulator({ clock: systemClock });
    const server = await serveSimulator(
      (target, init) => {
        init.signal?.addEventListener("abort", () => left++);
        return simulate(target, init);
      },
      { host: "127.0.0.1", port: 0 },
    );
    onTestFinished(() => server.close());
    const leaving = new AbortController();
    const hole = ask(server.baseUrl, "instant?fault=black-hole", leaving.signal);
    const stalled = await ask(server.baseUrl, "instant?fault=stall@0", leaving.signal);
    leaving.abort();
    await expect(hole).rejects.toThrow("aborted");
    await expect(stalled.text()).rejects.toThrow("aborted");
    await eventually(() => left === 2, "both being given up");
  });

  function ask(baseUrl: string, model: string, signal?: AbortSignal): Promise<Response> {
    const body = JSON.stringify({ model, messages: sky, stream: true });
    return fetch(`${baseUrl}/chat/completions`, { method: "POST", body, ...(signal !== undefined && { signal }) });
  }
});
