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
