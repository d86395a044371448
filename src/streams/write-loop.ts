import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { StreamEnd, StreamEvent, StreamStart } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { StreamContext, StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import type { Observe, StreamTap } from "../core/observer.ts";
import type { AppendResult, StreamLog } from "../log/stream-log.ts";

export interface WriteLoopOptions {
  log: StreamLog;
  streamId: string;
  /** What the attempts share. Default: one of its own. */
  stream?: StreamContext;
  epoch: number;
  /** The first entry. */
  header: StreamStart;
  source: StreamSource;
  request: GenerateRequest;
  /** Ends the stream; the reason, a HeadraceError, says as what: `cancelled`, or else `interrupted`. */
  signal: AbortSignal;
  /** The process ends: a store that is out of order is no longer waited for, and the next start ends the stream. */
  shutdown?: AbortSignal;
  /** At either limit the answer ends as `length`. */
  limits: { streamBytes: number; streamEntries: number };
  clock: Clock;
  observe: Observe;
  tap?: StreamTap | undefined;
}

/** Appends that may be under way before the source has to wait. */
const maxInFlight = 256;
/** How long the end of a stream is tried to be written before the loop gives up and leaves it to the next start. */
const endPatienceMs = 10 * 60_000;

/**
 * The write loop: takes a source's events into the log, and sees to it that the stream gets its one terminal entry
 * whatever happens.
 *
 * @returns the terminal event; undefined when another writer owns the stream now.
 */
export async function runWriteLoop(options: WriteLoopOptions): Promise<StreamEnd | undefined> {
  const { source, request, signal, observe, streamId, stream = { id: streamId, attempts: 0 } } = options;
  const appender = new Appender(options);
  const upstream = new AbortController();
  let end: StreamEnd;
  try {
    end = await untilAborted(
      signal,
      pump(source(request, { signal: upstream.signal, observe, stream }), appender, options),
    );
  } catch (error) {
    end = endFor(error, signal);
  }
  // Abort and move on without waiting for the source: one that is stalled may never settle.
  appender.close();
  upstream.abort(signal.aborted ? signal.reason : nobodyWaits);
  return appender.finish(end);
}

/** Moves events until the source is done. The events of one provider frame are appended in one step. */
async function pump(
  events: AsyncIterable<StreamEvent>,
  appender: Appender,
  { limits, tap }: WriteLoopOptions,
): Promise<StreamEnd> {
  const started = new Set<number>();
  let group: StreamEvent[] = [];
  let bytes = 0;
  for await (const event of events) {
    // A source that ignores its signal is left by leaving the loop, so that its cleaning up runs.
    if (appender.isClosed) throw new HeadraceError("cancelled", "the stream is over");
    if (event.type === "stream-end") {
      void appender.append(group);
      return event;
    }
    group.push(event);
    tap?.see(event);
    bytes += sizeOf(event);
    if ("choice" in event || event.type === "text-delta") started.add(event.choice ?? 0);
    if (event.type === "finish") started.delete(event.choice ?? 0);
    if ("more" in event) continue;
    const full = appender.append(group);
    group = [];
    if (full !== undefined) await full;
    if (bytes > limits.streamBytes || appender.next >= limits.streamEntries - 1) {
      void appender.append([...started].map((choice) => ({ type: "finish", choice, reason: "length" })));
      return { type: "stream-end", outcome: "length" };
    }
  }
  throw new HeadraceError("stream-truncated", "the source stopped without saying how the answer ended");
}

/** Keeps seqs, and the number of appends under way within bounds. */
class Appender {
  next: number;
  readonly #options: WriteLoopOptions;
  #underWay = 0;
  #failure: unknown;
  #fenced = false;
  #closed = false;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(options: WriteLoopOptions) {
    this.#options = options;
    this.next = 0;
    void this.append([options.header]);
  }

  /** Returns a promise when the source has to wait. */
  append(events: StreamEvent[]): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure as Error;
    if (this.#closed || events.length === 0) return undefined;
    const { log, streamId, epoch } = this.#options;
    const result = log.append(streamId, epoch, this.next, events);
    this.next += events.length;
    this.#underWay++;
    result.then(this.#onResult, this.#onError);
    if (this.#underWay < maxInFlight) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Nothing more is taken; what a stalled source says later is ignored. */
  close(): void {
    this.#closed = true;
  }

  /** Writes the terminal entry behind everything that was stored, trying again while the store is out of order. */
  async finish(end: StreamEnd): Promise<StreamEnd | undefined> {
    const { log, streamId, epoch, clock, header, shutdown } = this.#options;
    const deadline = clock.elapsed() + endPatienceMs;
    while (this.#underWay > 0) {
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
    if (this.#failure !== undefined) end = endFor(this.#failure, undefined);
    for (let delayMs = 250; !this.#fenced; delayMs = Math.min(delayMs * 2, 5_000)) {
      try {
        // Without its header, which may be among what failed to be stored, nobody could read the end.
        const events = this.next === 0 ? [header, end] : [end];
        const result = await log.append(streamId, epoch, this.next, events);
        if (result.status === "ok" || result.status === "dup") return end;
        if (result.status !== "gap") return undefined;
        // What failed to be stored was never seen by anybody, so the end takes its place.
        this.next = result.next;
      } catch (error) {
        const gone = error instanceof HeadraceError && error.code === "stream-not-found";
        if (gone || clock.elapsed() > deadline || shutdown?.aborted === true) return undefined;
        end = endFor(error, undefined);
        await clock.sleep(delayMs, shutdown === undefined ? {} : { signal: shutdown }).catch(() => {});
      }
    }
    return undefined;
  }

  // Made once and not per append, which happens for every token.
  readonly #onResult = (result: AppendResult): void => {
    if (result.status !== "ok" && result.status !== "dup") {
      if (result.status !== "gap") this.#fenced = true;
      this.#failure ??= new HeadraceError("stream-interrupted", `the log answered ${result.status} to an append`);
    }
    this.#settle();
  };

  readonly #onError = (error: unknown): void => {
    this.#failure ??= error;
    this.#settle();
  };

  #settle(): void {
    this.#underWay--;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

const interruptions: ReadonlySet<string> = new Set([
  "stream-interrupted",
  "stream-truncated",
  "interrupted-tool-call",
  "broken-on-request",
]);

/** How a stream ends that did not come to its own end. */
function endFor(error: unknown, signal: AbortSignal | undefined): StreamEnd {
  const reason = toHeadraceError(signal?.aborted === true ? signal.reason : error);
  if (reason.code === "cancelled") return { type: "stream-end", outcome: "cancelled" };
  const interrupted = interruptions.has(reason.code);
  return { type: "stream-end", outcome: interrupted ? "interrupted" : "failed", error: reason.report() };
}

function sizeOf(event: StreamEvent): number {
  let size = 24;
  if ("text" in event) size += event.text.length;
  if ("argumentsText" in event) size += event.argumentsText.length;
  if ("extra" in event) size += 64;
  return size;
}

/** Settles with the work, or rejects as soon as the signal aborts. */
function untilAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
