import { AnswerFold } from "../core/answer.ts";
import { errorFromReport, HeadraceError, nobodyWaits } from "../core/errors.ts";
import type { StreamEnd } from "../core/events.ts";
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
  const release = streams.retain(writeOptions.streamId);
  try {
    if (connection === undefined)
      c.req.raw.signal.addEventListener("abort", () => gone.abort(nobodyWaits), { once: true });
    else {
      connection.onClose(() => gone.abort(nobodyWaits));
      connection.onHalfClose(release);
    }
    await failBeforeFirstByte(options, gone);
    return connection === undefined ? openWebStream(c, options) : openConnection(c, options, connection);
  } finally {
    release();
  }
}

/** Answers with the whole of it, once it is complete. */
export async function respondWithAnswer(c: GatewayContext, options: RespondOptions): Promise<Response> {
  const { streams, protocol, writeOptions } = options;
  const gone = new AbortController();
  const connection = c.env.connection?.();
  const release = streams.retain(writeOptions.streamId);
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
    return c.json(body, 200, streamHeaders(c, writeOptions.streamId));
  } finally {
    release();
  }
}

/**
 * Waits for the first step of the answer, so that what fails before it has an HTTP status of its own. Gives up waiting
 * after a while: a client then needs bytes to know that the connection lives.
 */
async function failBeforeFirstByte(
  { streams, clock, patienceMs, writeOptions }: RespondOptions,
  gone: AbortController,
): Promise<void> {
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
      const event = entries[0]?.event;
      if (event !== undefined && isTerminal(event) && event.error !== undefined) throw errorOf(event);
      return;
    }
  } catch (error) {
    if (!outOfPatience) throw error;
  } finally {
    gone.signal.removeEventListener("abort", stop);
    stop();
    await timer;
  }
}

function errorOf(end: StreamEnd): HeadraceError {
  if (end.error !== undefined) return errorFromReport(end.error);
  if (end.outcome === "cancelled")
    return new HeadraceError("cancelled", "the stream was stopped before it was complete");
  return new HeadraceError("stream-interrupted", "the answer broke off");
}

/** Headers that tell every hop to pass bytes on as they come. */
function sseHeaders(c: GatewayContext, { protocol, writeOptions }: RespondOptions): Record<string, string> {
  return {
    "content-type": protocol.contentType,
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    ...protocol.responseHeaders,
    ...streamHeaders(c, writeOptions.streamId),
  };
}

function streamHeaders(c: GatewayContext, streamId: string): Record<string, string> {
  return { "headrace-stream-id": streamId, "x-request-id": c.var.requestId };
}

function openConnection(c: GatewayContext, options: RespondOptions, connection: RawConnection): Response {
  const { streams, protocol, writeOptions, position } = options;
  const encoding = { name: connection.encoding, encode: (frame: string | Uint8Array) => connection.encode(frame) };
  const headers = { ...c.var.headers, ...sseHeaders(c, options) };
  connection.open(200, headers);
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

function openWebStream(c: GatewayContext, options: RespondOptions): Response {
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
    { highWaterMark: 64 * 1024, size: (bytes) => bytes.byteLength },
  );
  return c.body(body, 200, sseHeaders(c, options));
}
