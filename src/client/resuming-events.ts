import type { StreamEvent } from "../core/events.ts";
import { HeadraceError } from "../core/errors.ts";
import { isTerminal } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { readEvent } from "../protocols/events.ts";
import { createSseReader } from "../protocols/sse.ts";
import { brokenConnection, type Call, callOnce, callWithRetries, type Connection, Patience } from "./connection.ts";

export interface ResumingOptions {
  /** The call that starts the stream; left out when its id is known. Safe to repeat: it carries an idempotency key. */
  start?: { body: JsonObject; idempotencyKey: string };
  streamId?: string;
  /** The cursor to read on after. */
  after?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Told as soon as the server says which stream it is. */
  onStreamId?: (streamId: string) => void;
}

/**
 * Reads a stream to its terminal event, over as many connections as it takes.
 *
 * The server gives every event an id; after a break it is told the last one that arrived, so nothing is missed and
 * nothing comes twice.
 */
export async function* resumingEvents(
  connection: Connection,
  { start, streamId, after, signal, onStreamId }: ResumingOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  const patience = new Patience(connection, signal);
  let lastEventId: string | undefined;
  while (true) {
    signal?.throwIfAborted();
    // Aborted when this connection falls silent; the next one takes over.
    const attempt = new AbortController();
    const watch = watchSilence(connection, attempt);
    const either = signal === undefined ? attempt.signal : AbortSignal.any([signal, attempt.signal]);
    let failure: unknown;
    try {
      const call = streamId === undefined ? startCall(start) : followCall(streamId, { after, lastEventId });
      const response = await callOnce(connection, { ...call, signal: either });
      streamId ??= response.headers.get("headrace-stream-id") ?? undefined;
      if (streamId !== undefined) onStreamId?.(streamId);
      for await (const { id, event } of readFrames(response, { connection, watch, signal: either })) {
        patience.restore();
        if (id !== undefined) lastEventId = id;
        yield event;
        if (isTerminal(event)) return;
      }
      failure = brokenConnection(connection, new Error("the answer broke off"));
    } catch (error) {
      failure = attempt.signal.aborted ? brokenConnection(connection, error) : error;
    } finally {
      watch.stop();
      attempt.abort();
    }
    signal?.throwIfAborted();
    await patience.pauseAfter(failure);
  }
}

function startCall(start: ResumingOptions["start"]) {
  if (start === undefined) throw new HeadraceError("invalid-request", "there is neither a request nor a stream id");
  return {
    method: "POST",
    path: "/v1/streams",
    body: start.body,
    headers: { accept: "text/event-stream", "idempotency-key": start.idempotencyKey },
  } satisfies Call;
}

/**
 * The id of a stream that was asked for, at once. The idempotency key makes sure that it is not started twice.
 *
 * @throws HeadraceError - it could not be started.
 */
export async function idOfStart(connection: Connection, start: NonNullable<ResumingOptions["start"]>): Promise<string> {
  const call = startCall(start);
  const response = await callWithRetries(connection, {
    ...call,
    headers: { ...call.headers, prefer: "respond-async" },
  });
  await response.body?.cancel();
  const id = response.headers.get("headrace-stream-id");
  if (id === null) throw new HeadraceError("stream-interrupted", "the server did not say which stream it is");
  return id;
}

function followCall(
  streamId: string,
  { after, lastEventId }: { after: string | undefined; lastEventId: string | undefined },
): Call {
  const path = `/v1/streams/${encodeURIComponent(streamId)}?as=events`;
  const headers = { accept: "text/event-stream" };
  if (lastEventId !== undefined) return { path, headers: { ...headers, "last-event-id": lastEventId } };
  // Unlike the header, this gets the terminal event once more when the stream ended there.
  return { path: after === undefined ? path : `${path}&after=${encodeURIComponent(after)}`, headers };
}

interface EventFrame {
  id: string | undefined;
  event: StreamEvent;
}

interface SilenceWatch {
  heard(): void;
  stop(): void;
}

/** Gives a connection up when nothing is heard for too long: a network that is gone says nothing, not even goodbye. */
function watchSilence({ clock, silenceMs }: Connection, attempt: AbortController): SilenceWatch {
  let heardAt = clock.elapsed();
  const stop = clock.every(silenceMs / 4, () => {
    if (clock.elapsed() - heardAt >= silenceMs) attempt.abort(new Error(`nothing was heard for ${silenceMs} ms`));
  });
  return { heard: () => void (heardAt = clock.elapsed()), stop };
}

interface ReadOptions {
  connection: Connection;
  watch: SilenceWatch;
  signal: AbortSignal;
}

/** The events of one connection, until it ends or breaks. */
async function* readFrames(
  response: Response,
  { connection, watch, signal }: ReadOptions,
): AsyncGenerator<EventFrame, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const frames = createSseReader();
  try {
    while (true) {
      const { done, value } = await untilAborted(reader.read(), signal).catch((error: unknown) => {
        throw brokenConnection(connection, error);
      });
      if (done) return;
      watch.heard();
      for (const frame of frames.push(value)) {
        const event = readFrame(frame.data);
        if (event !== undefined) yield { id: frame.id, event };
      }
    }
  } finally {
    // Not awaited: on a dead connection it may never settle.
    reader.cancel().catch(() => {});
  }
}

/** A body need not notice that its request was aborted. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}

/** Undefined for what this client cannot read, such as events that a newer server has added. */
function readFrame(data: string): StreamEvent | undefined {
  try {
    return readEvent(JSON.parse(data));
  } catch {
    return undefined;
  }
}
