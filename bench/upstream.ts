/**
 * A model provider that costs almost nothing: Chat Completions and Messages as SSE on raw sockets, at an exact pace.
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
  /** Everything behind the last event. */
  end: string;
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
  if (timer === undefined) {
    handledMs = Math.floor(performance.now());
    timer = setInterval(tick, 1);
  }
  // Never a slot that is handled already: its turn would come a whole round later.
  const slotMs = Math.max(Math.ceil(answer.dueMs), handledMs + 1);
  slots[slotMs % slotCount]?.push(answer);
  waiting++;
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

/** The frames of one answer in a protocol: `@` in `content` stands for the text of an event. */
interface Frames {
  begin: string[];
  content: string;
  end: string[];
}

function chatFrames(body: string, events: number): Frames {
  const wantsUsage = body.includes('"include_usage":true');
  const padding = body.includes("obfuscation=1") ? ',"obfuscation":"q3Zr8LmX2"' : "";
  const usage = wantsUsage ? ',"usage":null' : "";
  const id = `chatcmpl-${String(++answers).padStart(12, "0")}`;
  const head =
    `data: {"id":"${id}","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-2024-08-06",` +
    `"service_tier":"default","system_fingerprint":"fp_07871e2ad8"`;
  const choice = (delta: string, reason: string) =>
    `,"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]${usage}${padding}}\n\n`;
  const counted =
    `${head},"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":${events},"total_tokens":${events + 20},` +
    `"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}\n\n`;
  return {
    begin: [`${head}${choice('{"role":"assistant","content":"","refusal":null}', "null")}`],
    content: `${head}${choice('{"content":"@"}', "null")}`,
    end: [`${head}${choice("{}", '"stop"')}`, ...(wantsUsage ? [counted] : []), "data: [DONE]\n\n"],
  };
}

function messagesFrames(_body: string, events: number): Frames {
  const id = `msg_${String(++answers).padStart(12, "0")}`;
  const frame = (type: string, rest: string) => `event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`;
  const message =
    `,"message":{"id":"${id}","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],` +
    `"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}`;
  return {
    begin: [
      frame("message_start", message),
      frame("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
    ],
    content: frame("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"@"}'),
    end: [
      frame("content_block_stop", ',"index":0'),
      frame(
        "message_delta",
        `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":${events}}`,
      ),
      frame("message_stop", ""),
    ],
  };
}

function startAnswer(socket: Socket, body: string, framesFor: (body: string, events: number) => Frames): Answer {
  const wanted = /rate=(\d+) events=(\d+)/.exec(body);
  const rate = Number(wanted?.[1] ?? 40);
  const events = Number(wanted?.[2] ?? 200);
  const { begin, content, end } = framesFor(body, events);
  const [frameStart = "", frameEnd = ""] = content.split("@");
  const answer: Answer = {
    socket,
    events,
    sent: 0,
    periodMs: rate === 0 ? 0 : 1000 / rate,
    dueMs: performance.now(),
    frameStart,
    frameEnd,
    end: end.map(httpChunk).join(""),
    over: false,
  };
  socket.cork();
  socket.write(responseHead + begin.map(httpChunk).join(""), "latin1");
  if (answer.periodMs === 0) writeUnpaced(answer);
  else writePaced(answer);
  socket.uncork();
  return answer;
}

function finish(answer: Answer, lastEvents: string): void {
  answer.over = true;
  answer.socket.write(`${lastEvents}${answer.end}0\r\n\r\n`, "latin1");
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
    answer = startAnswer(socket, body, received.startsWith("POST /v1/messages") ? messagesFrames : chatFrames);
    received = received.slice(bodyEnd);
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
