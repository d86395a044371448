/**
 * The load client: many streams at once on raw sockets, each checked to be whole and in order.
 *
 * Takes its plan as JSON in the first argument, says when its measured window starts and ends, then what it saw. Without
 * a parent it prints. Always ends: what is open 10 s after its time counts as failed.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { machineTimeUs } from "./clock.ts";
import type { LoadMessage, LoadPlan, LoadResult } from "./load-plan.ts";
import { messagesPath } from "./rows.ts";
import { Samples } from "./samples.ts";
import { StreamCheck } from "./stream-check.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as LoadPlan;
const loopTimerMs = 5;
const graceMs = 10_000;
/** In events; a last stream shorter than this is not worth starting. */
const shortestRenewal = 5;

let measuring = false;
let windowEvents = 0;
const latency = new Samples();
const firstToken = new Samples();
let started = 0;
let failures = 0;
const flaws: Record<string, number> = {};

const startMs = performance.now();
const windowEndMs = plan.warmUpMs + plan.measureMs;
/** Streams are cut to size so that the last ones end here, a little after the window. */
const lastEventMs = windowEndMs + 600;

function runMs(): number {
  return performance.now() - startMs;
}

/** One place for a stream: opens one after the other on a connection that is kept. */
class Slot {
  #socket: Socket | undefined;
  #check: StreamCheck | undefined;
  #firstLength: number;
  #finished: () => void;

  constructor(firstLength: number, finished: () => void) {
    this.#firstLength = firstLength;
    this.#finished = finished;
  }

  start(): void {
    const length = this.#nextLength();
    if (length < 1) {
      this.#socket?.destroy();
      this.#finished();
      return;
    }
    started++;
    const askedAtUs = machineTimeUs();
    let seen = false;
    this.#check = new StreamCheck(length, (sentAtUs) => {
      if (!measuring) {
        seen = true;
        return;
      }
      const nowUs = machineTimeUs();
      windowEvents++;
      latency.add(nowUs - sentAtUs);
      if (!seen) firstToken.add(nowUs - askedAtUs);
      seen = true;
    });
    this.#socket ??= this.#connect();
    this.#socket.write(writeRequest(length), "latin1");
  }

  /** Counts the open stream as failed. */
  abandon(): void {
    if (this.#check === undefined) return;
    count("still open 10 s after its time");
    this.#check = undefined;
    this.#socket?.destroy();
    this.#finished();
  }

  #nextLength(): number {
    const wanted = this.#firstLength > 0 ? this.#firstLength : plan.renew ? plan.events : 0;
    this.#firstLength = 0;
    if (!plan.renew) return wanted;
    if (plan.rate === 0) return runMs() < lastEventMs ? wanted : 0;
    const room = Math.floor(((lastEventMs - runMs()) / 1000) * plan.rate);
    return room < shortestRenewal ? 0 : Math.min(wanted, room);
  }

  #connect(): Socket {
    const socket = connect({ port: plan.port, host: "127.0.0.1", noDelay: true });
    let reason = "";
    socket.on("data", (bytes) => {
      this.#check?.push(bytes);
      if (this.#check?.ended === true) this.#next(socket);
    });
    socket.on("error", (error) => {
      reason = `: ${error.message}`;
    });
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
      const check = this.#check;
      if (check === undefined || this.#socket !== undefined) return;
      check.close();
      if (reason !== "" && check.flaw !== undefined) check.flaw += reason;
      this.#next(socket);
    });
    return socket;
  }

  #next(socket: Socket): void {
    const flaw = this.#check?.flaw;
    const closes = flaw !== undefined || this.#check?.closes === true;
    this.#check = undefined;
    if (flaw !== undefined) count(flaw);
    if (closes) {
      this.#socket = undefined;
      socket.destroy();
    }
    // Not at once: a row that refuses every stream must not become a busy loop here.
    if (flaw === undefined) this.start();
    else setTimeout(() => this.start(), 100);
  }
}

function count(flaw: string): void {
  failures++;
  // Numbers differ from stream to stream; without them equal flaws are counted together.
  const kind = flaw.replaceAll(/(?<=^|event |where )\d+/g, "#");
  if (kind in flaws || Object.keys(flaws).length < 20) flaws[kind] = (flaws[kind] ?? 0) + 1;
}

function writeRequest(events: number): string {
  const asked = { role: "user", content: `rate=${plan.rate} events=${events}` };
  const body = JSON.stringify({
    model: plan.model,
    messages:
      plan.path === messagesPath ? [asked] : [{ role: "system", content: "You are a helpful assistant." }, asked],
    stream: true,
    ...(plan.path === messagesPath ? { max_tokens: 4096 } : { stream_options: { include_usage: true } }),
  });
  return (
    `POST ${plan.path} HTTP/1.1\r\nhost: 127.0.0.1:${plan.port}\r\ncontent-type: application/json\r\n` +
    `accept: text/event-stream\r\nauthorization: Bearer sk-bench\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  );
}

function report(message: LoadMessage, sent?: () => void): void {
  if (process.send === undefined) {
    console.log(JSON.stringify(message));
    sent?.();
  } else {
    process.send(message, undefined, undefined, sent);
  }
}

/** Measures what happens between its start and its end. */
class Window {
  #loopDelay = monitorEventLoopDelay({ resolution: loopTimerMs });
  #utilization = performance.eventLoopUtilization();
  #startMs = 0;
  #ms = 0;

  start(): void {
    measuring = true;
    this.#startMs = runMs();
    this.#utilization = performance.eventLoopUtilization();
    this.#loopDelay.enable();
    report("window-start");
  }

  end(): void {
    measuring = false;
    this.#ms = runMs() - this.#startMs;
    this.#utilization = performance.eventLoopUtilization(this.#utilization);
    this.#loopDelay.disable();
    report("window-end");
  }

  result(): LoadResult {
    return {
      streams: started,
      failures,
      flaws,
      windowMs: this.#ms,
      events: windowEvents,
      latencyUs: latency.summary(),
      firstTokenUs: firstToken.summary(),
      busy: this.#utilization.utilization,
      loopDelayUs: Math.max(0, this.#loopDelay.percentile(99) / 1000 - loopTimerMs * 1000),
    };
  }
}

/** With renewal, streams must not all end together: the first of each slot is cut to a different length. */
function cutFirst(index: number): number {
  if (!plan.renew) return plan.events;
  const share = ((index * 0.618034) % 1) + 1 / plan.streams;
  return Math.ceil(plan.events * Math.min(1, share));
}

function startEvenly(slots: Slot[]): void {
  let next = 0;
  const ramp = setInterval(() => {
    const due = plan.rampMs === 0 ? slots.length : Math.ceil((slots.length * runMs()) / plan.rampMs);
    while (next < Math.min(due, slots.length)) slots[next++]?.start();
    if (next === slots.length) clearInterval(ramp);
  }, 1);
}

function run(): void {
  const window = new Window();
  let open = plan.streams;
  const finish = (): void => report({ result: window.result() }, () => process.exit(0));
  const slots = Array.from({ length: plan.streams }, (_, index) => {
    return new Slot(cutFirst(index), () => {
      if (--open === 0) finish();
    });
  });
  startEvenly(slots);
  setTimeout(() => window.start(), plan.warmUpMs);
  setTimeout(() => window.end(), windowEndMs);
  const streamMs = plan.rate === 0 ? 0 : (plan.events / plan.rate) * 1000;
  const latestMs = (plan.renew ? lastEventMs : plan.rampMs + streamMs) + graceMs;
  setTimeout(() => {
    for (const slot of slots) slot.abandon();
  }, latestMs);
}

process.on("disconnect", () => process.exit(1));
run();
