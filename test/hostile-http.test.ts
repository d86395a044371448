import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import type { ConfigInput } from "../src/index.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { askIn, readIn } from "./support/protocol-rows.ts";
import { asked, rowNamed, served } from "./support/wire.ts";

const words = Array.from({ length: 20 }, (_, index) => `w${index} `);
const names = served.map((row) => ({ name: row.protocol.name, row }));
const posts = names.filter(({ row }) => row.served?.method !== "GET");
const body = JSON.stringify({ model: "poet", messages: [{ role: "user", content: "hi" }] });
const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/** A gateway with a model to ask, which counts the answers that were begun. */
async function start(config: ConfigInput = {}) {
  const script = scriptedModel(words);
  const gateway = await startGateway({ models: { poet: script.model }, ...config }, { report: () => {} });
  return { ...gateway, script, port: Number(new URL(gateway.url).port) };
}

/** The bytes of a request in a protocol. */
async function requestIn(row: NamedRow, wantsStream = true, more = ""): Promise<string> {
  let text = "";
  await askIn(row, "http://localhost", asked("poet", { wantsStream }), async (to, { method = "GET", body: sent }) => {
    const { pathname, search } = new URL(to);
    const content = (sent ?? "") as string;
    const length =
      method === "GET" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(content)}\r\n`;
    text = `${method} ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\n${length}${more}\r\n${content}`;
    return new Response();
  });
  return text;
}

function open(port: number): { socket: Socket; answer: () => string; closed: Promise<string> } {
  let answer = "";
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.setEncoding("latin1").on("data", (data: string) => (answer += data));
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(answer)));
  return { socket, answer: () => answer, closed };
}

/** Sends bytes and waits until the gateway has closed the connection. */
async function raw(port: number, text: string, { halfClose = false } = {}): Promise<string> {
  const { socket, closed } = open(port);
  if (halfClose) socket.end(text, "latin1");
  else socket.write(text, "latin1");
  return closed;
}

interface Answered {
  status: number;
  headers: string;
  body: string;
}

/** The responses in what a connection received, each complete. */
function responsesIn(text: string): Answered[] {
  const all: Answered[] = [];
  for (let at = 0; at < text.length;) {
    const headEnd = text.indexOf("\r\n\r\n", at);
    const headers = text.slice(at, headEnd).toLowerCase();
    const answered: Answered = { status: Number(headers.slice(9, 12)), headers, body: "" };
    at = headEnd + 4;
    if (headers.includes("transfer-encoding: chunked")) {
      for (let size = -1; size !== 0;) {
        const lineEnd = text.indexOf("\r\n", at);
        size = Number.parseInt(text.slice(at, lineEnd), 16);
        if (Number.isNaN(size)) throw new Error(`no chunk: ${text.slice(at, at + 40)}`);
        answered.body += text.slice(lineEnd + 2, lineEnd + 2 + size);
        at = lineEnd + 2 + size;
        if (text.slice(at, at + 2) !== "\r\n") throw new Error("a chunk is longer than its size");
        at += 2;
      }
    } else {
      const length = Number(/content-length: (\d+)/.exec(headers)?.[1] ?? 0);
      answered.body = text.slice(at, at + length);
      if (answered.body.length < length) throw new Error("a body is shorter than its length");
      at += length;
    }
    all.push(answered);
  }
  return all;
}

/** What a client of the protocol makes of a response. */
async function textOf(row: NamedRow, { headers, body: content }: Answered): Promise<string> {
  const type = /content-type: ([^\r\n]*)/.exec(headers)?.[1] ?? "";
  const response = new Response(Buffer.from(content, "latin1"), { headers: { "content-type": type } });
  const answer = await readIn(row, response);
  expect(answer.outcome).toBe("completed");
  return answer.choices[0]?.blocks.map((block) => ("text" in block ? block.text : "")).join("") ?? "";
}

describe.each(names)("a client of $name that half-closes after its request", ({ row }) => {
  test("row 40: still gets the whole answer", async () => {
    const { port } = await start();
    const [answered] = responsesIn(
      await raw(port, await requestIn(row, true, "Connection: close\r\n"), { halfClose: true }),
    );
    expect(await textOf(row, answered as Answered)).toBe(words.join(""));
  });

  test("row 40: still gets one that begins later, or that breaks nothing by its pauses", async () => {
    for (const heldAt of [0, 10]) {
      const { port, script, headrace } = await start({ reliability: { onDisconnect: "cancel" } });
      const release = script.hold(heldAt);
      const { socket, closed } = open(port);
      socket.end(await requestIn(row, true, "Connection: close\r\n"));
      await eventually(() => script.started === 1, "the call");
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(headrace.streams.openCount).toBe(1);
      release();
      const [answered] = responsesIn(await closed);
      expect(await textOf(row, answered as Answered)).toBe(words.join(""));
    }
  });

  test.runIf(row.protocol.framing !== "text")("row 40: still gets one in one piece", async () => {
    const { port } = await start();
    const [answered] = responsesIn(
      await raw(port, await requestIn(row, false, "Connection: close\r\n"), { halfClose: true }),
    );
    expect(answered?.status).toBe(200);
    for (const word of words) expect(answered?.body).toContain(word.trim());
  });
});

describe.each(names)("requests behind one another on a connection, the first in $name", ({ row }) => {
  test("row 42: are answered one after the other, whether sent at once or in mid-answer", async () => {
    for (const isEarly of [true, false]) {
      const { port, script } = await start();
      const release = script.hold(10);
      const { socket, answer, closed } = open(port);
      const second = rowNamed("openai-chat");
      const requests = [
        await requestIn(row),
        await requestIn(second),
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      ];
      socket.write(isEarly ? requests.join("") : (requests[0] as string));
      await eventually(() => answer().includes("w9"), "the first words");
      if (!isEarly) socket.write(requests.slice(1).join(""));
      expect(answer().match(/HTTP\/1\.1 /g)).toHaveLength(1);
      release();
      const answered = responsesIn(await closed);
      expect(answered.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await textOf(row, answered[0] as Answered)).toBe(words.join(""));
      expect(await textOf(second, answered[1] as Answered)).toBe(words.join(""));
      expect(answered[2]?.body).toBe('{"status":"ok"}');
    }
  });
});

describe.each(posts)("a request in $name that is too much", ({ row }) => {
  const path = async (): Promise<string> => (await requestIn(row)).split(" ")[1] as string;
  const beginning = async (): Promise<string> =>
    `POST ${await path()} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;

  test("row 43: is refused before a model is called, and the connection closed", async () => {
    const { port, headrace, script } = await start({ server: { maxBodyBytes: 1_000 } });
    const many = Array.from({ length: 101 }, (_, index) => `x-${index}: 1\r\n`).join("");
    const declared = `Content-Length: 2000\r\n\r\n{`;
    const cases: [number, string][] = [
      [431, `${await beginning()}X-Large: ${"x".repeat(16_400)}\r\nContent-Length: 2\r\n\r\n{}`],
      [431, `${await beginning()}X-Larger: ${"x".repeat(64_000)}\r\nContent-Length: 2\r\n\r\n{}`],
      [431, `${await beginning()}${many}Content-Length: 2\r\n\r\n{}`],
      [413, (await beginning()) + declared],
    ];
    // Amazon has no such status.
    const isAmazon = row.protocol.name === "bedrock-converse";
    for (const [status, text] of cases) {
      const [answered] = responsesIn(await raw(port, text));
      expect([status, isAmazon ? 400 : status]).toContain(answered?.status);
      expect(JSON.parse(answered?.body ?? "")).toBeTypeOf("object");
    }
    expect([script.started, await headrace.streams.list({ owner: "", limit: 1 })]).toEqual([0, []]);
  });

  test("row 43: in chunks without an end is cut off at the limit", async () => {
    const { port, script } = await start({ server: { maxBodyBytes: 100_000 } });
    const { socket, answer, closed } = open(port);
    socket.write(`${await beginning()}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `2000\r\n${" ".repeat(0x2000)}\r\n`;
    const send = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", send);
    send();
    await closed;
    // A client that is still sending may see the reset before the answer.
    expect(answer()).toMatch(
      row.protocol.name === "bedrock-converse" ? /^(HTTP\/1\.1 400 |$)/ : /^(HTTP\/1\.1 413 |$)/,
    );
    expect(script.started).toBe(0);
  });

  test("row 43: is given up when its body, or its headers, take too long to arrive", async () => {
    const { port, script } = await start({ server: { requestTimeoutMs: 300, headersTimeoutMs: 200 } });
    const startedAt = performance.now();
    const slow = [`${await beginning()}Content-Length: 50\r\n\r\n{`, `${await beginning()}X-Slow: `, "POST /v1/"];
    const answers = await Promise.all(
      slow.map(async (text) => {
        const { socket, closed } = open(port);
        socket.write(text);
        // A byte now and then is no reason to wait longer.
        const drip = setInterval(() => socket.write("x"), 50);
        onTestFinished(() => clearInterval(drip));
        return closed.finally(() => clearInterval(drip));
      }),
    );
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    expect(script.started).toBe(0);
  });
});

describe("bytes that two readers could take for different requests", () => {
  const length = `Content-Length: ${body.length}\r\n`;
  const smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

  test.each([
    ["both length and chunks", `${head}${length}Transfer-Encoding: chunked\r\n\r\n${chunked}`],
    ["chunks and length", `${head}Transfer-Encoding: chunked\r\n${length}\r\n${chunked}`],
    ["two lengths", `${head}${length}Content-Length: 3\r\n\r\n${body}`],
    ["two lengths in one", `${head}Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`],
    ["a length with a sign", `${head}Content-Length: +${body.length}\r\n\r\n${body}`],
    ["a negative length", `${head}Content-Length: -1\r\n\r\n${body}`],
    ["an unknown coding", `${head}Transfer-Encoding: xchunked\r\n\r\n${chunked}`],
    ["chunks that are not the last coding", `${head}Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`],
    ["a folded header", `${head}X-Folded: a\r\n b\r\n${length}\r\n${body}`],
    ["a space before the colon", `${head}Content-Length : ${body.length}\r\n\r\n${body}`],
    ["a space before the first header", `POST / HTTP/1.1\r\n Host: localhost\r\n${length}\r\n${body}`],
    ["bare line feeds", `POST /v1/chat/completions HTTP/1.1\nHost: localhost\nContent-Length: 3\n\n{}`],
    ["a bare carriage return in a header", `${head}X-Bare: a\rb\r\n${length}\r\n${body}`],
    ["a NUL in a header", `${head}X-Nul: a\0b\r\n${length}\r\n${body}`],
    ["a chunk size that is none", `${head}Transfer-Encoding: chunked\r\n\r\n0x${chunked}`],
    ["a chunk longer than its size", `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n${body}\r\n0\r\n\r\n`],
    ["no Host", `POST /v1/chat/completions HTTP/1.1\r\n${length}\r\n${body}`],
  ])(
    "row 44: %s are refused, the connection is closed, and what follows is not read as a request",
    async (_what, text) => {
      const { port, script } = await start();
      const answered = responsesIn(await raw(port, text + smuggled));
      expect(answered.map(({ status }) => status)).toEqual([400]);
      expect(script.started).toBe(0);
    },
  );

  test("an HTTP/1.0 client reads the answer up to the end of the connection", async () => {
    const { port } = await start();
    const streamed = JSON.stringify({ ...(JSON.parse(body) as object), stream: true });
    const text = `POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${streamed.length}\r\n\r\n${streamed}`;
    const { socket, closed } = open(port);
    socket.write(text);
    await once(socket, "data");
    const answer = await closed;
    expect(answer).toMatch(/data: \[DONE\]\n\n$/);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
  });
});
