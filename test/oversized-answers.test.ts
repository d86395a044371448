import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { answerText } from "../src/core/answer.ts";
import { isWhole } from "../src/core/events.ts";
import { eventually } from "./support/gateway.ts";
import { askIn, protocolRows, readIn } from "./support/protocol-rows.ts";
import { startRawServer } from "./support/raw-server.ts";
import { asked, bytesInUse, rowNamed, served, spoken, startWire, withHeaders } from "./support/wire.ts";

const megabyte = 1024 * 1024;
const chat = rowNamed("openai-chat");

/** How bodies begin that go on with one thing without an end. */
const endless: Record<string, { type: string; head: Buffer; more: Buffer }> = {
  "a line of server-sent events": { type: "text/event-stream", head: Buffer.from("data: "), more: filled("x") },
  "an event of many lines": { type: "text/event-stream", head: Buffer.from("data: 1\n"), more: filled("data: 2\n") },
  "a comment": { type: "text/event-stream", head: Buffer.from(":"), more: filled(" ") },
  "a document": { type: "application/json", head: Buffer.from('{"a":"'), more: filled("x") },
};

function filled(text: string): Buffer {
  return Buffer.alloc(64 * 1024, text);
}

/** A provider that sends such a body for as long as it is let. */
async function startEndless({ type, head, more }: { type: string; head: Buffer; more: Buffer }) {
  const seen = { taken: 0, open: 0 };
  const server = await startRawServer((socket: Socket) => {
    seen.open++;
    socket.once("close", () => seen.open--);
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\n\r\n`);
    socket.write(head);
    const send = (): void => {
      while (!socket.destroyed && socket.write(more, () => (seen.taken += more.length)));
    };
    socket.on("drain", send);
    send();
  });
  onTestFinished(() => server.close());
  return { url: server.url, seen };
}

describe("a provider that does not stop", () => {
  test.each(Object.keys(endless))(
    "row 21: %s without an end is cut off at its limit, and costs no memory",
    async (what) => {
      const provider = await startEndless(endless[what] as (typeof endless)[string]);
      const providers = { wire: { vendor: "openai-compatible", baseUrl: `${provider.url}/v1` } };
      const { url, attempts } = await startWire({ providers });
      const ask = async (): Promise<string> => (await askIn(chat, url, asked("wire/m"))).text();
      expect(await ask()).toMatch(/(larger|longer) than/);
      const before = bytesInUse();
      for (let time = 0; time < 20; time++) await ask();
      await eventually(() => provider.seen.open === 0, "the end of every connection");
      expect(bytesInUse() - before).toBeLessThan(6 * megabyte);
      // What the sockets' own buffers hold on the way comes on top of the limit.
      expect(provider.seen.taken / 21).toBeLessThan(12 * megabyte);
      expect(new Set(attempts().map(({ error }) => error?.code))).toEqual(new Set(["response-too-large"]));
    },
  );

  test.each(spoken.map(({ protocol }) => protocol.name))(
    "row 21: one token of 2 MiB in mid-answer over %s ends it honestly, in every protocol",
    async (name) => {
      const { url, attempts } = await startWire();
      const model = `${name}/instant?words=60&fault=giant@20:2mb`;
      const response = await askIn(chat, url, asked(model));
      const id = response.headers.get("headrace-stream-id");
      const first = await readIn(chat, response);
      expect(attempts()[0]?.error?.code).toBe("response-too-large");
      for (const row of served) {
        const answer = await readIn(row, await fetch(`${url}/v1/streams/${id}?as=${row.protocol.name}`));
        expect([row.protocol.name, isWhole(answer.outcome ?? "completed")]).toEqual([row.protocol.name, false]);
        expect(answerText(answer)).toBe(answerText(first));
      }
    },
  );
});

describe("a provider that compresses though nobody asked for it", () => {
  const compressed = ["gzip", "gzip:3", "gzip:1000", "bomb:16mb"];

  test.each(spoken.flatMap(({ protocol }) => compressed.map((fault) => [fault, protocol.name] as const)))(
    "row 22: %s over %s is not unpacked; the next target answers",
    async (fault, name) => {
      const { url, attempts } = await startWire();
      const model = `${name}/instant?words=60&fault=${fault}`;
      const request = asked(model);
      const headers = { "headrace-fallbacks": `openai-chat/instant?words=60` };
      const answered = await askIn(chat, url, request, (to, init) => withHeaders(to, init, headers));
      const answer = await readIn(chat, answered);
      expect(answerText(answer).split(" ")).toHaveLength(60);
      expect(answer.outcome).toBe("completed");
      expect(attempts().map(({ provider, error }) => [provider, error?.code])).toEqual([
        [name, "provider-error"],
        ["openai-chat", undefined],
      ]);
    },
  );

  test("row 22: with nobody else to ask it is a 502 in every protocol, and costs no memory", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * megabyte));
    const server = await startRawServer((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n");
      socket.end(Buffer.concat([Buffer.from(`content-length: ${bomb.length}\r\n\r\n`), bomb]));
    });
    onTestFinished(() => server.close());
    const providers = { wire: { vendor: "openai-compatible", baseUrl: `${server.url}/v1` } };
    const { url } = await startWire({ providers, reliability: { maxAttempts: 1 } });
    const ask = async (): Promise<void> => {
      for (const row of served) {
        const response = await askIn(row, url, asked("wire/m"));
        const text = await response.text();
        // Amazon's word for it is ModelErrorException, which has a status of its own.
        const status = row.protocol.name === "bedrock-converse" ? 424 : 502;
        expect([row.protocol.name, response.status]).toEqual([row.protocol.name, status]);
        expect(text).toContain("compressed");
      }
    };
    await ask();
    const before = bytesInUse();
    await ask();
    // Half of what a single one unpacks to.
    expect(bytesInUse() - before).toBeLessThan(32 * megabyte);
  });

  test("row 22: every request says that it wants none", async () => {
    const heads: string[] = [];
    const server = await startRawServer((socket, head) => {
      heads.push(head.toLowerCase());
      socket.end("HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
    onTestFinished(() => server.close());
    for (const { protocol, spokenBy } of spoken) {
      const baseUrl = String(spokenBy?.baseUrl).replace("http://simulator.local", server.url);
      const box = { ...spokenBy, vendor: String(protocolRows[protocol.name]?.spokenBy?.vendor), baseUrl };
      const { url } = await startWire({ providers: { box }, reliability: { maxAttempts: 1 } });
      await (await askIn(chat, url, asked("box/m"))).text();
    }
    expect(heads).toHaveLength(spoken.length);
    for (const head of heads) expect(head).toContain("\r\naccept-encoding: identity\r\n");
  });
});
