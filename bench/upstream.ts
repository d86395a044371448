/**
 * A model provider that costs almost nothing: OpenAI Chat Completions as SSE on raw sockets, at an exact pace.
 *
 * The request says what it wants anywhere in its body: `rate=40 events=200` is 200 events at 40 per second, `rate=0` as
 * fast as the socket takes them, `obfuscation=1` adds the padding field. Each event's content says when it was written
 * and its number: `t=<machine time in us> n=<0, 1, 2, ...> `.
 *
 * Forked, it says `{ port }`, then answers the message `"window"` with what it did since the last one. By hand:
 * `node bench/upstream.ts 9000`.
 */
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { machineTimeUs } from "./clock.ts";
import { Samples } from "./samples.ts";
import type { Summary } from "./samples.ts";

export interface UpstreamWindow {
  events: number;
  /** How long after its due time an event was written, in microseconds. */
  latenessUs: Summary;
  /** Share of the time in which this process was not waiting. */
  busy: number;
}

interface Answer {
  socket: Socket;
  events: number;
  sent: number;
  periodMs: number;
  /** On the clock of `performance.now()`; a fraction, so that the pace does not drift. */
  dueMs: number;
  frameStart: string;
  frameEnd: string;
  wantsUsage: boolean;
  over: boolean;
}

let eventsWritten = 0;
const lateness = new Samples();

// All paced answers share one timer. Each waits in the slot of the millisecond in which its next event is due, so a tick
// touches only what is due; the clients start their streams evenly spread, and the slots stay that way.
const slotCount = 8192;
const slots: Answer[][] = Array.from({ length: slotCount }, () => []);
let waiting = 0;
let handledMs = 0;
let timer: NodeJS.Timeout | undefined;

function schedule(answer: Answer): void {
  const slotMs = Math.max(Math.ceil(answer.dueMs), handledMs + 1);
  slots[slotMs % slotCount]?.push(answer);
  if (waiting++ > 0) return;
  handledMs = Math.floor(performance.now());
  timer ??= setInterval(tick, 1);
}

function tick(): void {
  const nowMs = Math.floor(performance.now());
  while (handledMs < nowMs) {
    handledMs++;
    const due = slots[handledMs % slotCount];
    if (due === undefined || due.length === 0) continue;
    slots[handledMs % slotCount] = [];
    waiting -= due.length;
    for (const answer of due) writePaced(answer);
  }
  if (waiting > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function writePaced(answer: Answer): void {
  if (answer.over) return;
  lateness.add((performance.now() - answer.dueMs) * 1000);
  const event = contentFrame(answer);
  if (answer.sent === answer.events) {
    finish(answer, event);
    return;
  }
  answer.socket.write(event, "latin1");
  answer.dueMs += answer.periodMs;
  schedule(answer);
}

/** Fills the socket until it asks to wait, 32 events per write. */
function writeUnpaced(answer: Answer): void {
  while (!answer.over) {
    let batch = "";
    for (let n = 0; n < 32 && answer.sent < answer.events; n++) batch += contentFrame(answer);
    if (answer.sent === answer.events) {
      finish(answer, batch);
      return;
    }
    if (answer.socket.write(batch, "latin1")) continue;
    answer.socket.once("drain", () => writeUnpaced(answer));
    return;
  }
}

function contentFrame(answer: Answer): string {
  eventsWritten++;
  return httpChunk(`${answer.frameStart}t=${machineTimeUs()} n=${answer.sent++} ${answer.frameEnd}`);
}

/** One chunk of the chunked coding; everything written here is ASCII, so characters are bytes. */
function httpChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const responseHead =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n" +
  "x-request-id: req_bench\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n";

let answers = 0;

function startAnswer(socket: Socket, body: string): Answer {
  const wanted = /rate=(\d+) events=(\d+)/.exec(body);
  const rate = Number(wanted?.[1] ?? 40);
  const wantsUsage = body.includes('"include_usage":true');
  const padding = body.includes("obfuscation=1") ? ',"obfuscation":"q3Zr8LmX2"' : "";
  const usage = wantsUsage ? ',"usage":null' : "";
  const id = `chatcmpl-${String(++answers).padStart(12, "0")}`;
  const head =
    `data: {"id":"${id}","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-2024-08-06",` +
    `"service_tier":"default","system_fingerprint":"fp_07871e2ad8"`;
  const choice = (delta: string, reason: string) =>
    `,"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]${usage}${padding}}\n\n`;
  const [frameStart = "", frameEnd = ""] = `${head}${choice('{"content":"@"}', "null")}`.split("@");
  const answer: Answer = {
    socket,
    events: Number(wanted?.[2] ?? 200),
    sent: 0,
    periodMs: rate === 0 ? 0 : 1000 / rate,
    dueMs: performance.now(),
    frameStart,
    frameEnd,
    wantsUsage,
    over: false,
  };
  const role = httpChunk(`${head}${choice('{"role":"assistant","content":"","refusal":null}', "null")}`);
  socket.cork();
  socket.write(responseHead + role, "latin1");
  if (answer.periodMs === 0) writeUnpaced(answer);
  else writePaced(answer);
  socket.uncork();
  return answer;
}

function finish(answer: Answer, lastEvents: string): void {
  answer.over = true;
  const head = answer.frameStart.slice(0, answer.frameStart.indexOf(',"choices"'));
  const tail = answer.wantsUsage ? ',"usage":null' : "";
  let end = httpChunk(`${head},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]${tail}}\n\n`);
  if (answer.wantsUsage) {
    const total = answer.events + 20;
    end += httpChunk(
      `${head},"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":${answer.events},"total_tokens":${total},` +
        `"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}\n\n`,
    );
  }
  answer.socket.write(`${lastEvents}${end}${httpChunk("data: [DONE]\n\n")}0\r\n\r\n`, "latin1");
}

/** Reads one request after the other: a head, then a body of `content-length` bytes. Nothing else is sent to it. */
function serve(socket: Socket): void {
  let received = "";
  let answer: Answer | undefined;
  socket.setNoDelay(true);
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    const headEnd = received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd + 2))?.[1];
    if (length === undefined) {
      socket.end("HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      return;
    }
    const bodyEnd = headEnd + 4 + Number(length);
    if (received.length < bodyEnd) return;
    const body = received.slice(headEnd + 4, bodyEnd);
    received = received.slice(bodyEnd);
    answer = startAnswer(socket, body);
  });
  // Relays leave in the middle of an answer; that is their affair and shows in the client.
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (answer !== undefined) answer.over = true;
  });
}

function takeWindow(): UpstreamWindow {
  const utilization = performance.eventLoopUtilization(lastUtilization);
  lastUtilization = performance.eventLoopUtilization();
  const window = { events: eventsWritten, latenessUs: lateness.summary(), busy: utilization.utilization };
  eventsWritten = 0;
  lateness.clear();
  return window;
}

let lastUtilization = performance.eventLoopUtilization();
const server = createServer(serve);
server.listen({ port: Number(process.argv[2] ?? 0), host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  if (process.send === undefined) console.log(`http://127.0.0.1:${port}/v1`);
  else process.send({ port });
});
process.on("message", (message) => {
  if (message === "window") process.send?.(takeWindow());
});
process.on("disconnect", () => process.exit(0));
