import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";

import { expect, onTestFinished, test } from "vitest";
import type { HeadraceError } from "../src/core/errors.ts";
import { createSocketTransport } from "../src/providers/socket-transport.ts";
import type { Transport, TransportResponse } from "../src/providers/transport.ts";
import { seeded } from "./support/random.ts";
import { startRawServer } from "./support/raw-server.ts";

type Random = (below: number) => number;

/** What an answer does when its body is under way. */
const faults = ["whole", "whole", "whole", "whole", "close", "reset", "garbage"] as const;

interface Plan {
  number: number;
  fault: (typeof faults)[number];
  framing: "length" | "chunked";
  size: number;
}

/** Bytes that tell whose they are: another answer's in between would show. */
function bodyOf({ number, size }: Plan): string {
  return `[${number}]`.repeat(size);
}

function bytesOf(plan: Plan, random: Random): Buffer {
  const body = bodyOf(plan);
  if (plan.framing === "length") {
    return Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  }
  let chunks = "";
  for (let at = 0; at < body.length;) {
    const chunk = body.slice(at, at + 1 + random(3_000));
    chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  return Buffer.from(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
}

/** Writes an answer in pieces, and does with it what the plan says. */
async function play(socket: Socket, plan: Plan, random: Random): Promise<void> {
  const bytes = bytesOf(plan, random);
  const stop = plan.fault === "whole" ? bytes.length : random(bytes.length);
  for (let at = 0; at < stop;) {
    const end = Math.min(stop, at + 1 + random(random(3) === 0 ? 40 : 200_000));
    socket.write(bytes.subarray(at, end));
    at = end;
    if (random(2) === 0) await new Promise(setImmediate);
  }
  if (plan.fault === "close") socket.end();
  if (plan.fault === "reset" && socket instanceof TLSSocket) socket.destroy();
  else if (plan.fault === "reset") socket.resetAndDestroy();
  if (plan.fault === "garbage") socket.end("\u0000\u0001garbage");
}

/** Reads a body, pausing and going on at random; what came, and whether it was whole. */
function readAtRandom({ body }: TransportResponse, random: Random): Promise<{ text: string; error?: Error }> {
  return new Promise((resolve) => {
    let text = "";
    body.pipe({
      push(bytes) {
        text += Buffer.from(bytes).toString("latin1");
        if (random(4) > 0) return;
        body.pause();
        setImmediate(() => body.resume());
      },
      end: (error) => resolve(error === undefined ? { text } : { text, error: error as Error }),
    });
  });
}

/** Makes one call, and tells what was wrong with how it went; undefined when nothing was. */
async function flawOf(transport: Transport, url: string, plan: Plan, random: Random): Promise<string | undefined> {
  const abort = new AbortController();
  const headers = { plan: JSON.stringify(plan) };
  const leaves = random(12) === 0;
  if (leaves) setImmediate(() => abort.abort(new Error("left")));
  const mayBreak = leaves || plan.fault !== "whole";
  let response: TransportResponse;
  try {
    response = await transport({ method: "POST", url, headers, body: "x".repeat(random(2_000)), signal: abort.signal });
  } catch (error) {
    return mayBreak || (error as HeadraceError).onReusedConnection ? undefined : `refused: ${(error as Error).message}`;
  }
  if (random(3) === 0) await new Promise(setImmediate);
  const { text, error } = await readAtRandom(response, random);
  if (error !== undefined && !mayBreak) return `broken: ${error.message}`;
  const whole = bodyOf(plan);
  if (error === undefined) return text === whole ? undefined : "not whole";
  return whole.startsWith(text.replace(/\0.*$/s, "")) ? undefined : "not its beginning";
}

const folder = join(import.meta.dirname, "fixtures/tls");
const ca = readFileSync(join(folder, "certificate.pem"), "utf8");
const tls = { cert: ca, key: readFileSync(join(folder, "key.pem"), "utf8") };
test.each(["http", "https"])(
  "over %s no byte is lost, repeated or another answer's, whatever happens to answers",
  { timeout: 60_000 },
  async (scheme) => {
    const server = await startRawServer(
      (socket, head) => {
        const plan = JSON.parse(/plan: (.*)/.exec(head)?.[1] ?? "") as Plan;
        void play(socket, plan, seeded(plan.number));
      },
      scheme === "https" ? tls : undefined,
    );
    onTestFinished(() => server.close());
    const { transport, close } = createSocketTransport({ connectTimeoutMs: 10_000, ca });
    onTestFinished(close);
    let number = 0;
    const flaws: Record<string, string> = {};
    const worker = async (seed: number): Promise<void> => {
      const random = seeded(seed);
      for (let calls = 0; calls < 150; calls++) {
        const fault = faults[random(faults.length)] ?? "whole";
        // In a body of known length garbage would be text.
        const framing = fault !== "garbage" && random(2) === 0 ? "length" : "chunked";
        const size = 1 + random(random(8) === 0 ? 60_000 : 400);
        const plan: Plan = { number: ++number, fault, framing, size };
        const flaw = await flawOf(transport, server.url, plan, random);
        if (flaw !== undefined) flaws[JSON.stringify(plan)] = flaw;
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => worker(index + 1)));
    expect(flaws).toEqual({});
    // Connections were used again, or this showed nothing.
    expect(server.connections).toBeLessThan(number * 0.8);
  },
);
