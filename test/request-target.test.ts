import { connect } from "node:net";

import { describe, expect, test } from "vitest";

import { scriptedModel, startGateway } from "./support/gateway.ts";

const keys = [{ name: "ann", key: "ann-key-0123456789" }];
const bearer = "Authorization: Bearer ann-key-0123456789\r\n";

/** What a connection receives, until the gateway closes it. */
function raw(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
    socket.setEncoding("latin1").on("data", (data: string) => (answer += data));
    socket.on("error", reject).on("close", () => resolve(answer));
    socket.write(text, "latin1");
  });
}

function get(url: string, target: string, head = "Host: localhost\r\n", method = "GET"): Promise<string> {
  return raw(url, `${method} ${target} HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
}

describe("a request that two readers could take for different ones", () => {
  test.each([
    "http://localhost/v1/models",
    "http://evil.example/v1/models",
    "https://evil.example/v1/models",
    "HTTP://localhost/v1/models",
    "//evil.example/v1/models",
    "//metrics",
    "/v1/../metrics",
    "/v1/%2e%2e/metrics",
    "/v1/.%2E/metrics",
    "/./metrics",
    "/%6detrics",
    "/%2Fmetrics/%2e",
    "/admin/%74argets",
    "/v1\\..\\metrics",
  ])("to %s is refused with 400, and its connection closed", async (target) => {
    const { url } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
    const answer = await raw(url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  test.each(["x/?", "x#", "127.0.0.1/?", "evil@localhost", "localhost@evil.example", "localhost, evil.example"])(
    "for the host %s is refused with 400",
    async (host) => {
      const { url } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
      expect(await raw(url, `GET /v1/models HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    },
  );

  test("with two hosts is refused with 400, and with none that is ours with 403", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
    expect(await get(url, "/v1/models", "Host: localhost\r\nhost: localhost\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await get(url, "/v1/models", "")).toMatch(/^HTTP\/1\.1 400 /);
    for (const host of ["evil.example", "localhost.", "127.0.0.1.evil.example", ""]) {
      expect(await get(url, "/v1/models", `Host: ${host}\r\n`), host).toMatch(/^HTTP\/1\.1 403 /);
    }
  });

  test("to open a WebSocket is refused all the same", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
    const upgrade =
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const ask = (target: string, host: string) =>
      raw(url, `GET ${target} HTTP/1.1\r\n${host}${upgrade}Connection: Upgrade\r\n\r\n`);
    expect(await ask("http://localhost/ws", "Host: localhost\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ask("/x/../ws", "Host: localhost\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ask("/ws", "Host: localhost\r\nHost: localhost\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ask("/ws", "Host: evil.example\r\n")).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("says nothing that is behind a key, whatever is asked", async () => {
    const { url } = await startGateway({ access: { keys } });
    for (const target of [
      "/metrics",
      "/metrics/",
      "/metrics?",
      "/metrics;a",
      "/metrics%00",
      "/metrics%2F",
      "/assets/%2F..%2Fmetrics",
    ]) {
      expect(await get(url, target), target).toMatch(/^HTTP\/1\.1 40[14] /);
    }
  });

  test("what is rightly encoded still arrives as it was meant", async () => {
    const { url } = await startGateway({ models: { poet: scriptedModel(["a"]).model } });
    expect(await get(url, "/v1/models/sim%2Fgpt-4o")).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get(url, "/v1/models/sim/gpt-4o?a=%61/../b")).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("a request for headers only", () => {
  test("calls no model, and nothing follows that could be taken for the next answer", async () => {
    const script = scriptedModel(["HTTP/1.1 200 OK\r\n\r\n"]);
    const { url } = await startGateway({ models: { poet: script.model }, access: { keys } });
    const started = await fetch(`${url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer ann-key-0123456789" },
      body: JSON.stringify({ model: "poet", prompt: "go" }),
    });
    await started.text();
    const paths = [
      `/v1/streams/${started.headers.get("headrace-stream-id")}`,
      "/stream?prompt=go&model=poet",
      "/admin/live",
      "/v1/models",
      "/metrics",
    ];
    for (const path of paths) {
      const answer = await get(url, path, `Host: localhost\r\n${bearer}`, "HEAD");
      expect(answer, path).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer, path).toMatch(/\r\nallow: GET\r\n/i);
      expect(answer.indexOf("\r\n\r\n"), path).toBe(answer.length - 4);
    }
    expect(script.started).toBe(1);
    expect(await get(url, "/healthz", "Host: localhost\r\n", "HEAD")).toMatch(/^HTTP\/1\.1 200 /);
  });
});
