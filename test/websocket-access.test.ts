import { connect as connectSocket } from "node:net";
import { describe, expect, test } from "vitest";

import { scriptedModel, startGateway } from "./support/gateway.ts";
import { ask, connect, refusalOf, textOf } from "./support/websocket.ts";

const startPoet = () => startGateway({ models: { poet: scriptedModel(["Roses ", "are ", "red"]).model } });

describe("who may connect", () => {
  const keys = [
    { name: "ann", key: "ann-key/0123456789" },
    { name: "bob", key: "bob-key-0123456789" },
  ];
  const start = () => startGateway({ models: { poet: scriptedModel(["hi"]).model }, access: { keys } });

  test("whoever has a key, in a header or among the subprotocols", async () => {
    const { url } = await start();
    for (const options of [
      { headers: { authorization: "Bearer ann-key/0123456789" } },
      { headers: { "x-api-key": "bob-key-0123456789" } },
      { protocols: ["headrace.key.bob-key-0123456789"] },
      { protocols: ["headrace", `headrace.key.${encodeURIComponent("ann-key/0123456789")}`] },
    ]) {
      const client = await connect(url, options);
      client.send(ask("poet"));
      expect(textOf(await client.whole("r1"))).toBe("hi");
    }
    const { socket } = await connect(url, { protocols: ["headrace", "headrace.key.bob-key-0123456789"] });
    expect(socket.protocol).toBe("headrace");
  });

  test("nobody else", async () => {
    const { url } = await start();
    expect(await refusalOf(url)).toMatchObject({ status: 401, body: { error: { code: "invalid_api_key" } } });
    expect((await refusalOf(url, { headers: { authorization: "Bearer nobody" } })).status).toBe(401);
    expect((await refusalOf(url, { protocols: ["headrace", "headrace.key.nobody"] })).status).toBe(401);
  });

  test("no web page of another origin, and no host that is not ours", async () => {
    const { url } = await startPoet();
    expect((await refusalOf(url, { headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect((await refusalOf(url, { headers: { host: "evil.example" } })).status).toBe(403);
    const page = await connect(url, { headers: { origin: "http://localhost:3000" } });
    page.send({ type: "ping", id: "p" });
    expect(await page.find(({ type }) => type === "pong")).toEqual({ type: "pong", id: "p" });
  });

  test("a stream does not exist for others", async () => {
    const { url } = await start();
    const ann = await connect(url, { headers: { authorization: "Bearer ann-key/0123456789" } });
    ann.send(ask("poet"));
    const [{ stream } = {}] = await ann.whole("r1");
    const bob = await connect(url, { headers: { authorization: "Bearer bob-key-0123456789" } });
    bob.send({ type: "follow", id: "x", stream });
    expect((await bob.find(({ id }) => id === "x")).error?.code).toBe("stream-not-found");
  });

  test("paths that are none, requests that are no upgrade, and upgrades that are no WebSocket do no harm", async () => {
    const { url } = await startPoet();
    expect((await fetch(`${url}/ws`)).status).toBe(400);
    const { port } = new URL(url);
    const answer = async (request: string): Promise<string> => {
      const socket = connectSocket(Number(port), "127.0.0.1");
      socket.end(request);
      let text = "";
      for await (const bytes of socket) text += String(bytes);
      return text;
    };
    const upgrade = (path: string, to: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: ${to}\r\n\r\n`;
    expect(await answer(upgrade("//", "websocket"))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answer(upgrade("/ws", "websocket"))).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await answer(upgrade("/healthz", "h2c"))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
