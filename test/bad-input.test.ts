import { connect } from "node:net";
import { describe, expect, test } from "vitest";

import { startGateway } from "./support/gateway.ts";

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

async function post(url: string, body: BodyInit, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
    ...(body instanceof ReadableStream && { duplex: "half" }),
  });
  return { status: response.status, body: (await response.json()) as ErrorBody, headers: response.headers };
}

const hello = { model: "sim/instant", messages: [{ role: "user", content: "hi" }] };

describe("a request that is wrong", () => {
  test("says where the JSON is broken, without repeating it", async () => {
    const { url } = await startGateway();
    const { status, body } = await post(
      url,
      '{"model": "sim/instant",\n "messages": [{"role": "user" "content": "secret"}]}',
    );
    expect(status).toBe(400);
    expect(body.error.message).toContain("line 2");
    expect(JSON.stringify(body)).not.toContain("secret");
  });

  test.each([
    ["no messages", { model: "sim/instant" }, "messages"],
    ["messages that are no list", { ...hello, messages: "hi" }, "messages"],
    ["a temperature that is text", { ...hello, temperature: "hot" }, "temperature"],
    ["an unknown role", { ...hello, messages: [{ role: "narrator", content: "hi" }] }, "messages"],
    ["a stream flag that is text", { ...hello, stream: "yes" }, "stream"],
    ["a number of choices that is none", { ...hello, n: 0 }, "n"],
    ["a headrace option that does not exist", { ...hello, headrace: { onDisconect: "cancel" } }, "headrace"],
  ])("names the field for %s", async (_what, asked, param) => {
    const { url } = await startGateway();
    const { status, body } = await post(url, JSON.stringify(asked));
    expect(status).toBe(400);
    expect(body.error.type).toBe("invalid_request_error");
    expect(body.error.param).toMatch(new RegExp(`^${param}`));
  });

  test("for an unknown model says which are known and what to set", async () => {
    const { url } = await startGateway();
    const { status, body } = await post(url, JSON.stringify({ ...hello, model: "gpt-99" }));
    expect(status).toBe(404);
    expect(body.error.message).toContain("sim/gpt-4o");
    expect(body.error.message).toContain("OPENAI_API_KEY");
    expect(body.error.code).toBe("model_not_found");
  });

  test("is refused when its body is larger than 32 MiB, with or without a declared length", async () => {
    const { url } = await startGateway();
    const large = new Uint8Array(33 * 1024 * 1024).fill(0x20);
    expect((await post(url, large)).status).toBe(413);
    let sentMib = 0;
    const undeclared = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sentMib++ < 40) controller.enqueue(new Uint8Array(1024 * 1024).fill(0x20));
        else controller.close();
      },
    });
    // A client that is still sending when it is answered sees either the answer or a closed connection.
    const refused = await post(url, undeclared).then(
      ({ status }) => status,
      () => "closed",
    );
    expect([413, "closed"]).toContain(refused);
    expect((await post(url, JSON.stringify(hello))).status).toBe(200);
  });

  test("is refused when its JSON is nested without end", async () => {
    const { url } = await startGateway();
    const deep = `{"model":"m","messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const { status, body } = await post(url, deep);
    expect(status).toBe(400);
    expect(body.error.message).toContain("64");
  });

  test("is refused when it is no JSON request, so that no web page can send it unasked", async () => {
    const { url } = await startGateway();
    expect((await post(url, JSON.stringify(hello), { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(url, JSON.stringify(hello), { "content-encoding": "gzip" })).status).toBe(415);
  });

  test("is refused when it has more than 100 headers or 16 KiB of them", async () => {
    const { url } = await startGateway();
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-${index}`, "1"]));
    expect((await post(url, JSON.stringify(hello), many)).status).toBe(431);
    expect((await post(url, JSON.stringify(hello), { "x-large": "x".repeat(16_380) })).status).toBe(431);
  });

  test("does no harm with names that JavaScript objects are born with", async () => {
    const { url } = await startGateway();
    const { status } = await post(
      url,
      `{"model":"sim/instant","messages":[{"role":"user","content":"hi","__proto__":{"x":1}}],"constructor":{"prototype":{"x":1}},"metadata":{"__proto__":{"x":"1"}}}`,
    );
    expect(status).toBeLessThan(500);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test("gets a 404 that says where to look, on a path that does not exist", async () => {
    const { url } = await startGateway();
    const response = await fetch(`${url}/v1/nothing`);
    expect(response.status).toBe(404);
    expect(((await response.json()) as ErrorBody).error.message).toContain("GET /");
  });
});

describe("bytes that are no honest HTTP", () => {
  const raw = (port: number, text: string, { halfClose = false } = {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => (halfClose ? socket.end(text) : socket.write(text)));
      let answer = "";
      socket.setEncoding("utf8");
      socket.on("data", (data: string) => (answer += data));
      socket.on("close", () => resolve(answer));
      socket.on("error", reject);
    });
  const body = JSON.stringify(hello);
  const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

  test.each([
    ["both length and chunks", `${head}Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${body}`],
    ["two lengths", `${head}Content-Length: ${body.length}\r\nContent-Length: 3\r\n\r\n${body}`],
    ["a folded header", `${head}X-Folded: a\r\n b\r\nContent-Length: ${body.length}\r\n\r\n${body}`],
    ["a space before the colon", `${head}Content-Length : ${body.length}\r\n\r\n${body}`],
    ["bare line feeds", `POST /v1/chat/completions HTTP/1.1\nHost: localhost\nContent-Length: 3\n\n{}`],
  ])("are refused: %s", async (_what, text) => {
    const { url } = await startGateway();
    expect(await raw(Number(new URL(url).port), text)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("a client that half-closes after its request still gets the whole answer", async () => {
    const { url } = await startGateway();
    const asked = JSON.stringify({ ...hello, stream: true });
    const text = `${head}Content-Length: ${asked.length}\r\n\r\n${asked}`;
    expect(await raw(Number(new URL(url).port), text, { halfClose: true })).toMatch(/\[DONE\][\s\S]*\r\n0\r\n\r\n$/);
  });

  test("a second request sent early is answered after the first, not in between", async () => {
    const { url } = await startGateway();
    const asked = JSON.stringify({ ...hello, stream: true });
    const one = `${head}Content-Length: ${asked.length}\r\n\r\n${asked}`;
    const two = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const answer = await raw(Number(new URL(url).port), one + two);
    expect(answer.indexOf("[DONE]")).toBeLessThan(answer.lastIndexOf("HTTP/1.1 200"));
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  test("an HTTP/1.0 client reads the answer up to the end of the connection", async () => {
    const { url } = await startGateway();
    const asked = JSON.stringify({ ...hello, stream: true });
    const text = `POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${asked.length}\r\n\r\n${asked}`;
    const answer = await raw(Number(new URL(url).port), text);
    expect(answer).toMatch(/data: \[DONE\]\n\n$/);
    expect(answer.toLowerCase()).not.toContain("transfer-encoding");
  });
});
