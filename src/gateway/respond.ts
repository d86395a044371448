import { AnswerFold } from "../core/answer.ts";
import { errorFromReport, HeadraceError, nobodyWaits } from "../core/errors.ts";
import type { AttemptStart, StreamEnd } from "../core/events.ts";
import { isTerminal, isWhole } from "../core/events.ts";
import type { Clock } from "../core/time.ts";
import type { Protocol, WriteOptions } from "../protocols/protocol.ts";
import type { Reader, Sink } from "../streams/broadcast.ts";
import type { Position } from "../streams/follow.ts";
import type { Streams } from "../streams/streams.ts";
import type { GatewayContext, RawConnection } from "./environment.ts";
import { createRendering } from "./rendering.ts";

export interface RespondOptions {
  streams: Streams;
  clock: Clock;
  /** How long a client may wait for the first event before it is sent headers and heartbeats. */
  patienceMs: number;
  protocol: Protocol;
  writeOptions: WriteOptions;
  position: Position;
}

/** Answers with the stream from a position on, as it grows. */
export async function respondWithStream(c: GatewayContext, options: RespondOptions): Promise<Response> {
  const { streams, writeOptions } = options;
  const connection = c.env.connection?.();
  const gone = new AbortController();
  const release = streams.admit(writeOptions.streamId);
  try {
    if (connection === undefined)
      c.req.raw.signal.addEventListener("abort", () => gone.abort(nobodyWaits), { once: true });
    else {
      connection.onClose(() => gone.abort(nobodyWaits));
      connection.onHalfClose(release);
    }
    const headers = sseHeaders(c, options, await firstAttempt(options, gone));
    return connection === undefined
      ? openWebStream(c, options, headers)
      : openConnection(c, options, headers, connection);
  } finally {
    release();
  }
}

/** Answers with the whole of it, once it is complete. */
export async function respondWithAnswer(c: GatewayContext, options: RespondOptions): Promise<Response> {
  const { streams, protocol, writeOptions } = options;
  const gone = new AbortController();
  const connection = c.env.connection?.();
  const release = streams.admit(writeOptions.streamId);
  if (connection === undefined)
    c.req.raw.signal.addEventListener("abort", () => gone.abort(nobodyWaits), { once: true });
  else {
    connection.onClose(() => gone.abort(nobodyWaits));
    // Nothing can be written yet that would tell whether the client still waits, so it no longer keeps the stream going.
    connection.onHalfClose(release);
  }
  try {
    const fold = new AnswerFold();
    const writer = protocol.createAnswerWriter?.(writeOptions);
    for await (const entries of streams.follow(writeOptions.streamId, { signal: gone.signal })) {
      for (const { event } of entries) {
        fold.add(event);
        writer?.add(event);
      }
    }
    const { outcome, error } = fold.answer;
    if (outcome === undefined || !isWhole(outcome))
      throw errorOf({ type: "stream-end", outcome: outcome ?? "interrupted", ...(error && { error }) });
    const body = writer?.body() ?? protocol.writeAnswer(fold.answer, writeOptions);
    return c.json(body, 200, streamHeaders(c, writeOptions.streamId, fold.answer.attempt));
  } finally {
    release();
  }
}

/**
 * Waits for the first step of the answer, so that what fails before it has an HTTP status of its own, and says who gives
 * it. Gives up waiting after a while: a client then needs bytes to know that the connection lives.
 */
async function firstAttempt(
  { streams, clock, patienceMs, writeOptions }: RespondOptions,
  gone: AbortController,
): Promise<AttemptStart | undefined> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort(nobodyWaits);
  gone.signal.addEventListener("abort", stop, { once: true });
  let outOfPatience = false;
  const timer = clock.sleep(patienceMs, { signal: waiting.signal }).then(
    () => {
      outOfPatience = true;
      stop();
    },
    () => {},
  );
  try {
    for await (const entries of streams.follow(writeOptions.streamId, { after: 0, signal: waiting.signal })) {
      for (const { event } of entries) {
        if (event.type === "attempt-start") return event;
        if (isTerminal(event) && event.error !== undefined) throw errorOf(event);
        // Warnings about the request come before the answer to it.
        if (event.type !== "warning") return undefined;
      }
    }
  } catch (error) {
    if (!outOfPatience) throw error;
    return undefined;
  } finally {
    gone.signal.removeEventListener("abort", stop);
    stop();
    await timer;
  }
  return undefined;
}

function errorOf(end: StreamEnd): HeadraceError {
  if (end.error !== undefined) return errorFromReport(end.error);
  if (end.outcome === "cancelled")
    return new HeadraceError("cancelled", "the stream was stopped before it was complete");
  return new HeadraceError("stream-interrupted", "the answer broke off");
}

/** Headers that tell every hop to pass bytes on as they come. */
function sseHeaders(
  c: GatewayContext,
  { protocol, writeOptions }: RespondOptions,
  attempt: AttemptStart | undefined,
): Record<string, string> {
  return {
    "content-type": protocol.contentType,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...protocol.responseHeaders,
    ...streamHeaders(c, writeOptions.streamId, attempt),
  };
}

function streamHeaders(c: GatewayContext, streamId: string, attempt?: AttemptStart): Record<string, string> {
  const headers = { "headrace-stream-id": streamId, "x-request-id": c.var.requestId };
  const target = `${attempt?.provider}/${attempt?.model}`;
  // Models are named by providers, who may name them anything.
  const isClean = attempt !== undefined && /^[\x21-\x7e]{1,200}$/.test(target);
  return isClean ? { ...headers, "headrace-target": target } : headers;
}

function openConnection(
  c: GatewayContext,
  options: RespondOptions,
  headers: Record<string, string>,
  connection: RawConnection,
): Response {
  const { streams, protocol, writeOptions, position } = options;
  const encoding = { name: connection.encoding, encode: (frame: string | Uint8Array) => connection.encode(frame) };
  connection.open(200, { ...c.var.headers, ...headers });
  const rendering = createRendering(protocol, writeOptions, encoding);
  const reader = streams.attach(writeOptions.streamId, rendering, connection, position);
  connection.onDrain(() => reader.drained());
  connection.onClose(() => reader.leave());
  connection.onHalfClose(() => reader.probe());
  return c.env.alreadySent as Response;
}

const utf8 = new TextEncoder();
const plainEncoding = {
  name: "plain",
  encode: (frame: string | Uint8Array) => (typeof frame === "string" ? utf8.encode(frame) : frame),
};

function openWebStream(c: GatewayContext, options: RespondOptions, headers: Record<string, string>): Response {
  const { streams, protocol, writeOptions, position } = options;
  let reader: Reader | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const sink: Sink = {
          write(bytes) {
            controller.enqueue(bytes);
            return (controller.desiredSize ?? 0) > 0;
          },
          end(whole) {
            if (whole) controller.close();
            else controller.error(new HeadraceError("stream-interrupted", "the answer broke off"));
          },
        };
        reader = streams.attach(
          writeOptions.streamId,
          createRendering(protocol, writeOptions, plainEncoding),
          sink,
          position,
        );
      },
      pull: () => reader?.drained(),
      cancel: () => reader?.leave(),
    },
    { highWaterMark: streams.readerQueueBytes, size: (bytes) => bytes.byteLength },
  );
  return c.body(body, 200, headers);
}
