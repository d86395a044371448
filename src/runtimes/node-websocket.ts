import type { IncomingMessage, Server } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

import { WebSocketServer, type RawData, type WebSocket } from "ws";

import type { Socket } from "../gateway/socket.ts";
import type { Headrace } from "../headrace.ts";
import { wrongTarget } from "./node-target.ts";

/** How long a client has to answer our closing before its connection is cut. */
const closeMs = 1_000;

export function isWebSocketRequest({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** Serves the gateway's WebSocket on a server of Node's. `close` is for after the gateway has closed them. */
export function acceptWebSockets(server: Server, { webSockets, config }: Headrace): { close(): Promise<void> } {
  const accepting = new WebSocketServer({
    noServer: true,
    // Above it `ws` closes with 1009.
    maxPayload: config.server.maxBodyBytes,
    // A compressed message could be a thousand times what it looks like, and tokens do not get shorter by it.
    perMessageDeflate: false,
    // Ours are chosen with the key in view.
    handleProtocols: (_offered, request) => chosen.get(request) ?? false,
  });
  const chosen = new WeakMap<IncomingMessage, string>();

  server.on("upgrade", (request, connection: Duplex, head: Buffer) => {
    // Before `ws` has taken over nobody else listens, and an error without a listener ends the process.
    connection.on("error", () => connection.destroy());
    const wrong = wrongTarget(request);
    if (wrong !== undefined) {
      refuse(connection, { status: 400, body: { error: { message: wrong } } });
      return;
    }
    const [path] = (request.url ?? "").split("?", 1);
    if (path !== "/ws") {
      refuse(connection, { status: 404, body: { error: { message: "there is a WebSocket at /ws only" } } });
      return;
    }
    const admitted = webSockets.admit(webRequest(request), request.rawHeaders);
    if ("refusal" in admitted) {
      refuse(connection, admitted.refusal);
      return;
    }
    if (admitted.subprotocol !== undefined) chosen.set(request, admitted.subprotocol);
    accepting.handleUpgrade(request, connection, head, (webSocket) =>
      admitted.open(new NodeSocket(webSocket, connection)),
    );
  });

  return {
    async close() {
      const gone = [...accepting.clients].map((client) => {
        const timer = setTimeout(() => client.terminate(), closeMs);
        return new Promise<void>((resolve) => {
          client.once("close", () => {
            clearTimeout(timer);
            resolve();
          });
        });
      });
      await Promise.all(gone);
    },
  };
}

function webRequest({ headers, rawHeaders, url = "/ws" }: IncomingMessage): Request {
  const all = new Headers();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    all.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  }
  // The origin of a page is compared with the host that it was loaded from.
  const address = `http://${headers.host ?? "localhost"}${url}`;
  return new Request(URL.canParse(address) ? address : "http://localhost/ws", { headers: all });
}

interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

function refuse(connection: Duplex, { status, headers = {}, body }: Refusal): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${text}`);
}

/** A connection of `ws`, and what is below it: only that knows when there is room again. */
class NodeSocket implements Socket {
  readonly #webSocket: WebSocket;
  readonly #connection: Duplex;

  constructor(webSocket: WebSocket, connection: Duplex) {
    this.#webSocket = webSocket;
    this.#connection = connection;
    // What is wrong with a frame, `ws` has told the client with a close code.
    webSocket.on("error", () => {});
  }

  send(text: string | Uint8Array): boolean {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return true;
    this.#webSocket.send(text, { binary: false });
    return !this.#connection.writableNeedDrain;
  }

  isFull(): boolean {
    return this.#connection.writableNeedDrain;
  }

  bufferedBytes(): number {
    return this.#webSocket.bufferedAmount;
  }

  ping(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  onMessage(listener: (text: string | undefined) => void): void {
    this.#webSocket.on("message", (data: RawData, isBinary: boolean) =>
      listener(isBinary ? undefined : (data as Buffer).toString("utf8")),
    );
  }

  onPong(listener: () => void): void {
    this.#webSocket.on("pong", listener);
  }

  onDrain(listener: () => void): void {
    this.#connection.on("drain", listener);
  }

  onClose(listener: () => void): void {
    this.#webSocket.on("close", listener);
  }
}
