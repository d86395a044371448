import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";
import type { HeadraceError } from "../src/core/errors.ts";
import { createProxyTransport } from "../src/providers/proxy-transport.ts";
import { createSocketTransport } from "../src/providers/socket-transport.ts";
import type { Transport, TransportRequest, TransportResponse } from "../src/providers/transport.ts";
import { startRawServer } from "./support/raw-server.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function openTransport(options: { ca?: string; connectTimeoutMs?: number } = {}): Transport {
  const { transport, close } = createSocketTransport({ connectTimeoutMs: 5_000, ...options });
  cleanUps.push(close);
  return transport;
}

async function serve(answer: (socket: Socket, head: string, count: number) => void) {
  const server = await startRawServer(answer);
  cleanUps.push(() => server.close());
  return server;
}

function get(
  transport: Transport,
  url: string,
  signal = new AbortController().signal,
  more: Pick<TransportRequest, "onConnect"> = {},
): Promise<TransportResponse> {
  return transport({ method: "GET", url, headers: {}, signal, ...more });
}

/** The body as text; rejects with what it ended with. */
function bodyOf({ body }: TransportResponse): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    body.pipe({
      push: (bytes) => (text += Buffer.from(bytes).toString("latin1")),
      end: (error) => (error === undefined ? resolve(text) : reject(error)),
    });
  });
}

async function failureOf(work: Promise<unknown>): Promise<HeadraceError> {
  return work.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as HeadraceError,
  );
}

const chunked =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" +
  "5\r\nhello\r\n1;name=value\r\n,\r\nA\r\n wide world\r\n0\r\nx-trailer: 1\r\n\r\n".replace(
    " wide world",
    " big world",
  );

describe("a provider's response", () => {
  test("reads the same wherever its bytes are cut", async () => {
    const transport = openTransport();
    for (let cut = 1; cut < chunked.length; cut += 1) {
      const server = await startRawServer((socket) => {
        socket.setNoDelay(true);
        socket.write(chunked.slice(0, cut), "latin1", () =>
          setImmediate(() => socket.write(chunked.slice(cut), "latin1")),
        );
      });
      const response = await get(transport, server.url);
      expect([response.status, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
      expect(await bodyOf(response)).toBe("hello, big world");
      await server.close();
    }
  });

  test.each([
    ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
    ["a length of nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
    ["the end of the connection", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello", "hello"],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
    [
      "interim answers before it",
      "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
      "hi",
    ],
    ["no body", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["no reason phrase", "HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi", "hi"],
  ])("may be delimited by %s", async (_what, bytes, body) => {
    const isOpenEnded = !/content-length|204/i.test(bytes);
    const server = await serve((socket) => (isOpenEnded ? socket.end(bytes) : socket.write(bytes)));
    expect(await bodyOf(await get(openTransport(), server.url))).toBe(body);
  });

  test.each([
    ["a length and a coding", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"],
    ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello"],
    ["a compressed transfer", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"],
    ["a folded header", "HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"],
    ["endless interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50)],
    ["endless headers", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}\r\n`],
    ["one endless header", `HTTP/1.1 200 OK\r\na: ${"b".repeat(100_000)}`],
  ])("with %s is refused before anything of it is used", async (_what, bytes) => {
    const server = await serve((socket) => socket.write(bytes));
    const error = await failureOf(get(openTransport(), server.url));
    expect(error.code).toBe("provider-error");
    expect(error.message).not.toContain("SSH");
  });

  test.each([
    ["a chunk without a size", "zz\r\nhello\r\n"],
    ["a chunk longer than its size", "2\r\nhello\r\n"],
    ["an endless chunk size", "1".repeat(5_000)],
    ["endless trailers", `0\r\n${"a: b\r\n".repeat(5_000)}\r\n`],
  ])("that breaks off in %s is no complete one", async (_what, bytes) => {
    const server = await serve((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${bytes}`),
    );
    expect((await failureOf(bodyOf(await get(openTransport(), server.url)))).code).toBe("provider-error");
  });

  test.each([
    ["in a chunk", "transfer-encoding: chunked\r\n\r\n5\r\nhel"],
    ["between chunks", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ["before its length", "content-length: 9\r\n\r\nhello"],
  ])("that is cut %s is told from one that ended", async (_where, bytes) => {
    const server = await serve((socket) => socket.end(`HTTP/1.1 200 OK\r\n${bytes}`));
    expect((await failureOf(bodyOf(await get(openTransport(), server.url)))).code).toBe("stream-truncated");
  });
});

describe("a connection to a provider", () => {
  const whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

  test("is used again once its answer is complete", async () => {
    const server = await serve((socket) => socket.write(whole));
    const transport = openTransport();
    for (let index = 0; index < 3; index++) expect(await bodyOf(await get(transport, server.url))).toBe("hi");
    expect(server.connections).toBe(1);
  });

  test("is not used again when the server says so, or says too much", async () => {
    const replies = [
      "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
      `${whole}HTTP/1.1 200 OK\r\n`,
    ];
    const server = await serve((socket, _head, count) => socket.write(replies[count] ?? whole));
    const transport = openTransport();
    for (let index = 0; index < 3; index++) expect(await bodyOf(await get(transport, server.url))).toBe("hi");
    expect(server.connections).toBe(3);
  });

  test("that was closed under a request says so, and the next one is fresh (row 41)", async () => {
    const server = await serve((socket, _head, count) => {
      if (count === 1) socket.destroy();
      else socket.write(whole);
    });
    const transport = openTransport();
    await bodyOf(await get(transport, server.url));
    const error = await failureOf(get(transport, server.url));
    expect([error.code, error.onReusedConnection]).toEqual(["provider-unreachable", true]);
    expect(await bodyOf(await get(transport, server.url))).toBe("hi");
    expect(server.connections).toBe(2);
  });

  test("that fails on its first request is no reused one", async () => {
    const server = await serve((socket) => socket.destroy());
    const error = await failureOf(get(openTransport(), server.url));
    expect([error.code, error.onReusedConnection]).toEqual(["provider-unreachable", false]);
  });

  test("is closed when the request is aborted, before the answer and in it", async () => {
    const transport = openTransport();
    for (const begins of [false, true]) {
      const asked = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const server = await serve((socket) => {
        if (begins) socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
        socket.on("close", () => closed.resolve());
        asked.resolve();
      });
      const abort = new AbortController();
      const answer = get(transport, server.url, abort.signal);
      await asked.promise;
      const body = begins ? bodyOf(await answer) : answer;
      abort.abort(new Error("enough"));
      await expect(body).rejects.toThrow("enough");
      await closed.promise;
    }
  });

  test("takes nothing while it is paused", async () => {
    const server = await serve((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n${"x".repeat(20_000_000)}`),
    );
    const response = await get(openTransport(), server.url);
    let taken = 0;
    const done = Promise.withResolvers<void>();
    response.body.pipe({
      push: (bytes) => {
        taken += bytes.byteLength;
        if (taken < 100_000) response.body.pause();
      },
      end: () => done.resolve(),
    });
    const before = taken;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken - before).toBeLessThan(200_000);
    response.body.resume();
    await done.promise;
    expect(taken).toBe(20_000_000);
  });

  test("is given up after the time that connecting may take", async () => {
    // An address that is reserved for documentation answers nothing.
    const error = await failureOf(get(openTransport({ connectTimeoutMs: 100 }), "http://192.0.2.1:9"));
    expect(error.code).toBe("provider-unreachable");
  });

  test("never carries a header that would be two", async () => {
    const headers = { "x-key": "a\r\nx-admin: 1" };
    const signal = new AbortController().signal;
    const error = await failureOf(openTransport()({ method: "GET", url: "http://127.0.0.1:9", headers, signal }));
    expect([error.code, error.message.includes("x-admin")]).toEqual(["invalid-request", false]);
  });

  test("is encrypted for https, and refused when the certificate is nobody's", async () => {
    const folder = join(import.meta.dirname, "fixtures/tls");
    const ca = readFileSync(join(folder, "certificate.pem"), "utf8");
    const key = readFileSync(join(folder, "key.pem"), "utf8");
    const server = createSecureServer({ cert: ca, key }, (_request, response) => {
      for (const piece of ["one ", "two ", "three"]) response.write(piece);
      response.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUps.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const trusting = openTransport({ ca });
    for (let index = 0; index < 2; index++) expect(await bodyOf(await get(trusting, url))).toBe("one two three");
    expect((await failureOf(get(openTransport(), url))).code).toBe("provider-unreachable");
  });

  test("goes through the proxy of a company that has one", async () => {
    const target = await serve((socket) => socket.write(whole));
    const asked: string[] = [];
    const proxy = createHttpServer((request, response) => {
      asked.push(request.headers.host ?? "");
      const upstream = connect(Number(new URL(target.url).port), "127.0.0.1");
      upstream.write("GET / HTTP/1.1\r\n\r\n");
      upstream.once("data", () => response.end("hi by proxy"));
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    cleanUps.push(() => proxy.close());
    const httpProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { transport, close } = createProxyTransport({ connectTimeoutMs: 5_000, httpProxy, noProxy: "elsewhere" });
    cleanUps.push(close);
    const connections: { reused: boolean }[] = [];
    const onConnect = (connection: { reused: boolean }): void => void connections.push(connection);
    expect(await bodyOf(await get(transport, target.url, undefined, { onConnect }))).toBe("hi by proxy");
    expect(connections).toEqual([{ reused: false }]);
    expect(asked).toEqual([new URL(target.url).host]);
  });
});
