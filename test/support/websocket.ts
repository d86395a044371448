import { once } from "node:events";
import type { IncomingMessage } from "node:http";

import { onTestFinished } from "vitest";
import { WebSocket, type ClientOptions } from "ws";

import type { StreamEvent } from "../../src/index.ts";

/** What the gateway says on a socket. */
export interface Message {
  type: string;
  id?: string;
  stream?: string;
  cursor?: string;
  event?: StreamEvent;
  frame?: string;
  outcome?: string;
  error?: { code: string; message: string; param?: string };
}

/** A connection to `/ws` that keeps everything it was told. */
export async function connect(url: string, options: ClientOptions & { protocols?: string[] } = {}) {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, protocols, rest);
  const messages: Message[] = [];
  let woken = Promise.withResolvers<void>();
  const wake = (): void => {
    woken.resolve();
    woken = Promise.withResolvers<void>();
  };
  socket.on("message", (data: Buffer) => {
    messages.push(JSON.parse(data.toString()) as Message);
    wake();
  });
  const closed = once(socket, "close").then(([code, reason]) => ({
    code: code as number,
    reason: String(reason as Buffer),
  }));
  closed.then(wake, () => {});
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return {
    socket,
    messages,
    closed,
    send: (message: object | string): void =>
      socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    /** Resolves with the first message, from the beginning on, that fits; rejects when the socket closes without one. */
    async find(fits: (message: Message) => boolean): Promise<Message> {
      for (let next = 0; ;) {
        for (; next < messages.length; next++) if (fits(messages[next] as Message)) return messages[next] as Message;
        if (socket.readyState === WebSocket.CLOSED) throw new Error(`no such message in ${JSON.stringify(messages)}`);
        await woken.promise;
      }
    },
    /** All of one request, once it is done. */
    async whole(id: string): Promise<Message[]> {
      await this.find((message) => message.id === id && message.type === "done");
      return messages.filter((message) => message.id === id);
    },
  };
}

export function textOf(messages: readonly Message[]): string {
  return messages.map(({ event }) => (event?.type === "text-delta" ? event.text : "")).join("");
}

/** The status of a connection that was not let in. */
export async function refusalOf(url: string, options: ClientOptions & { protocols?: string[] } = {}) {
  const { protocols = [], ...rest } = options;
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, protocols, rest);
  socket.on("error", () => {});
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const bytes of response) body += String(bytes);
  return { status: response.statusCode, body: JSON.parse(body) as { error: { message: string } } };
}

/** A request for a generator model. */
export const ask = (model: string, id = "r1") => ({ type: "start", id, body: { model, prompt: "go" } });
