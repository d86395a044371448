import { HeadraceError, nobodyWaits } from "../core/errors.ts";
import type { ProtocolName, StreamEnd, StreamStart } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import type { Observe, StreamOrigin, TapStream } from "../core/observer.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import type { LogEntry, NewStream, StreamInfo, StreamLog } from "../log/stream-log.ts";
import type { Reader, Rendering, Sink } from "./broadcast.ts";
import type { Position } from "./follow.ts";
import { follow } from "./follow.ts";
import { endAbandoned } from "./abandoned.ts";
import type { BrokenAttempts } from "./failure-drill.ts";
import { FailureDrill, notWrittenHere } from "./failure-drill.ts";
import { Places } from "./places.ts";
import { StreamReaders } from "./stream-readers.ts";
import { runWriteLoop } from "./write-loop.ts";

export interface StreamsOptions {
  log: StreamLog;
  clock: Clock;
  createStreamId: () => string;
  observe: Observe;
  tap?: TapStream;
  heartbeatMs: number;
  lingerMs: number;
  limits: {
    openStreams: number;
    streamsPerKey: number;
    readers: number;
    readersPerStream: number;
    streamBytes: number;
    streamEntries: number;
    /** Bytes that may wait for a slow reader. */
    readerQueueBytes: number;
    writeStallMs: number;
    /** Streams that go on without readers. */
    detachedStreams: number;
  };
}

/** What happens when the last reader leaves: the answer is finished for when somebody comes back, or stopped. */
export type OnDisconnect = "continue" | "cancel";

export interface StartOptions {
  source: StreamSource;
  request: GenerateRequest;
  protocol: ProtocolName;
  /** Whose stream it is; nobody else can see it. */
  owner: string;
  onDisconnect: OnDisconnect;
  /** It was asked for without readers, so it goes on without them whatever else does. */
  unattended?: true;
  idempotency?: { key: string; requestHash: string };
  /** What its owner wants to find it by. */
  tags?: Readonly<Record<string, string>>;
  /** Kept in the header; see `StreamStart.request`. */
  stored?: JsonObject;
  /** For observers. */
  origin?: StreamOrigin;
}

interface OpenStream {
  stop: AbortController;
  drill: FailureDrill;
  /** Resolves when the terminal entry is written. */
  ended: Promise<StreamEnd | undefined>;
  onDisconnect: OnDisconnect;
  unattended: boolean;
}

/** The streams of this process: starts them, lets readers follow them, brings every one to an end. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #open = new Map<string, OpenStream>();
  /** Of open streams, and of those that are about to be. */
  readonly #places: Places;
  readonly #readers: StreamReaders;
  /** Those that go on though their last reader has left. */
  readonly #detached = new Set<string>();
  readonly #shutdown = new AbortController();
  #closing = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
    const { openStreams, streamsPerKey } = options.limits;
    this.#places = new Places({ inAll: openStreams, perOwner: streamsPerKey, what: "streams" });
    this.#readers = new StreamReaders({
      ...options,
      onJoined: (streamId) => this.#detached.delete(streamId),
      onLastLeft: (streamId) => this.#onLastReaderLeft(streamId),
    });
  }

  get openCount(): number {
    return this.#open.size;
  }

  get readerCount(): number {
    return this.#readers.count;
  }

  /** Streams that go on though their last reader has left. */
  get detachedCount(): number {
    return this.#detached.size;
  }

  get readerQueueBytes(): number {
    return this.#options.limits.readerQueueBytes;
  }

  /**
   * Starts a stream, or finds the one that the same idempotency key started.
   *
   * @returns its id, once it is claimed durably; `attached` when it was there already.
   * @throws HeadraceError `idempotency-conflict` - the key started a stream with another request.
   * @throws HeadraceError `overloaded`, `rate-limited` - too many open streams, in all or of this owner.
   */
  async start(options: StartOptions): Promise<{ id: string; attached: boolean }> {
    if (this.#closing) {
      throw new HeadraceError("overloaded", "Headrace is shutting down; ask again in a moment", {
        retryAfterMs: 1_000,
      });
    }
    const giveBack = this.#places.take(options.owner);
    try {
      const started = await this.#start(options, giveBack);
      if (started.attached) giveBack();
      return started;
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** @param giveBack - gives the stream's place to others, once it has ended. */
  async #start(options: StartOptions, giveBack: () => void): Promise<{ id: string; attached: boolean }> {
    const { log, clock, createStreamId, observe } = this.#options;
    const { request, protocol, owner, idempotency, tags, origin } = options;
    const { model, chat } = request;
    const id = createStreamId();
    const createdAt = clock.now();
    const stream: NewStream = { id, owner, protocol, model, createdAt };
    if (chat !== undefined) stream.chat = chat.id;
    const previous = chat === undefined ? undefined : await this.ofChat(chat.id, owner);
    const created = await log.create(idempotency === undefined ? stream : { ...stream, idempotency });
    if (created.status === "exists") {
      if (created.requestHash === idempotency?.requestHash) return { id: created.streamId, attached: true };
      throw new HeadraceError(
        "idempotency-conflict",
        "this Idempotency-Key was used with a different request; send a new key with a new request",
      );
    }
    observe({
      type: "stream-started",
      streamId: id,
      owner,
      model,
      protocol,
      startedAt: createdAt,
      ...(origin !== undefined && { origin }),
      ...(tags !== undefined && { tags }),
    });
    this.#run(headerOf(stream, options), created.epoch, options, giveBack);
    if (previous !== undefined) this.#letGo(previous.id);
    return { id, attached: false };
  }

  /**
   * Facts about a stream of this owner, or of any when it is undefined.
   *
   * @throws HeadraceError `stream-not-found` - also when it is somebody else's: for others it does not exist.
   */
  async info(streamId: string, owner: string | undefined): Promise<StreamInfo> {
    const info = await this.#options.log.info(streamId);
    if (info === undefined || (owner !== undefined && info.owner !== owner)) {
      throw new HeadraceError(
        "stream-not-found",
        `there is no stream ${streamId}; it may have expired or been deleted`,
      );
    }
    return info;
  }

  /** The current stream of a conversation, which is its newest. */
  async ofChat(chat: string, owner: string): Promise<StreamInfo | undefined> {
    const [newest] = await this.#options.log.list({ owner, chat, limit: 1 });
    return newest;
  }

  list(options: { owner: string; limit: number; before?: string }): Promise<StreamInfo[]> {
    return this.#options.log.list(options);
  }

  /** The entries after a position; see `follow`. */
  follow(streamId: string, options: { after?: number; signal: AbortSignal }): AsyncGenerator<LogEntry[]> {
    return follow(this.#options.log, streamId, options);
  }

  /**
   * A place for a reader that is about to attach, until the returned function is called.
   *
   * @throws HeadraceError `overloaded` - too many readers, in all or of this stream.
   */
  admit(streamId: string): () => void {
    return this.#readers.admit(streamId);
  }

  /** Connects a sink to a stream, once `admit` has let it in. The reader's `leave` must be called when its client goes. */
  attach(streamId: string, rendering: Rendering, sink: Sink, position: Position): Reader {
    return this.#readers.attach(streamId, rendering, sink, position);
  }

  /** Counts as a reader until the returned function is called. When the last one is gone the stream's policy decides. */
  retain(streamId: string): () => void {
    return this.#readers.retain(streamId);
  }

  /** Stops a stream: its upstream call is aborted, its readers get what there is. Resolves when the end is written. */
  async stop(streamId: string): Promise<void> {
    const open = this.#open.get(streamId);
    if (open === undefined) return;
    open.stop.abort(new HeadraceError("cancelled", "the stream was stopped"));
    await open.ended;
  }

  /**
   * Breaks the provider calls of a stream that are under way, as a network would. What follows is what follows a real
   * failure, but that it is held against nobody: neither against the target nor against what others may retry.
   *
   * @throws HeadraceError `cannot-break` - the stream is over, nothing is under way at this moment, or it was enough.
   */
  async breakAttempts(streamId: string): Promise<BrokenAttempts> {
    const drill = this.#open.get(streamId)?.drill;
    if (drill === undefined) throw notWrittenHere(streamId, await this.#options.log.info(streamId));
    return drill.breakAttempts();
  }

  /** Removes a stream and everything that was kept of it, stopping it first. */
  async delete(streamId: string): Promise<void> {
    await this.stop(streamId);
    await this.#options.log.delete(streamId);
  }

  /**
   * Ends the streams that a dead process left open: as what they are when their answer was all there, else as
   * `interrupted`. Called once, before anything is started.
   *
   * @returns how many there were.
   */
  recover(): Promise<number> {
    return endAbandoned(this.#options.log);
  }

  /** Takes no new streams, waits up to `drainMs` for open ones, then ends the rest as `interrupted`. */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    this.#closing = true;
    const ended = Promise.all([...this.#open.values()].map((open) => open.ended));
    if (drainMs > 0 && this.#open.size > 0) {
      const patience = new AbortController();
      const timeUp = this.#options.clock.sleep(drainMs, { signal: patience.signal }).catch(() => {});
      await Promise.race([ended, timeUp]);
      patience.abort(nobodyWaits);
    }
    const reason = new HeadraceError("stream-interrupted", "Headrace is shutting down");
    for (const open of this.#open.values()) open.stop.abort(reason);
    this.#shutdown.abort(reason);
    await ended;
    this.#readers.close();
  }

  #run(header: StreamStart, epoch: number, options: StartOptions, giveBack: () => void): void {
    const { source, request, onDisconnect, unattended = false } = options;
    const { log, clock, limits, observe } = this.#options;
    const id = header.streamId;
    const stop = new AbortController();
    const signal = stop.signal;
    const shutdown = this.#shutdown.signal;
    const tap = this.#options.tap?.(id);
    const drill = new FailureDrill(id);
    const parts = { log, streamId: id, epoch, header, source, request, signal, shutdown, limits, clock, observe, tap };
    const work = runWriteLoop({ ...parts, stream: drill.stream });
    const ended = work.then((end) => {
      this.#open.delete(id);
      this.#detached.delete(id);
      giveBack();
      if (end === undefined) observe({ type: "stream-lost", streamId: id });
      else observe({ ...end, type: "stream-ended", streamId: id });
      return end;
    });
    this.#open.set(id, { stop, drill, ended, onDisconnect, unattended });
  }

  /** Nobody will come back for it, so it goes on only as long as it has readers. */
  #letGo(streamId: string): void {
    const open = this.#open.get(streamId);
    if (open === undefined) return;
    open.onDisconnect = "cancel";
    open.unattended = false;
    if (!this.#readers.hasAny(streamId)) this.#onLastReaderLeft(streamId);
  }

  #onLastReaderLeft(streamId: string): void {
    const open = this.#open.get(streamId);
    if (open === undefined || this.#goesOn(streamId, open)) return;
    const { clock, lingerMs } = this.#options;
    const signal = open.stop.signal;
    clock.sleep(lingerMs, { signal }).then(
      () => {
        if (this.#readers.hasAny(streamId) || this.#goesOn(streamId, open)) return;
        open.stop.abort(new HeadraceError("cancelled", "its last reader left"));
      },
      // The stream was stopped meanwhile, which is all that lingering is for.
      () => {},
    );
  }

  /** Whether a stream is written to its end without readers. */
  #goesOn(streamId: string, { onDisconnect, unattended }: OpenStream): boolean {
    if (unattended) return true;
    if (onDisconnect === "cancel") return false;
    if (!this.#detached.has(streamId) && this.#detached.size >= this.#options.limits.detachedStreams) return false;
    this.#detached.add(streamId);
    return true;
  }
}

/** The first entry of a stream. */
function headerOf({ id, createdAt, model, protocol }: NewStream, { request, stored, tags }: StartOptions): StreamStart {
  const header: StreamStart = { type: "stream-start", streamId: id, format: 1, protocol, model, createdAt };
  if (request.choices !== undefined && request.choices > 1) header.choices = request.choices;
  if (request.wantsUsage === true) header.includeUsage = true;
  if (request.chat !== undefined) header.chat = request.chat;
  if (stored !== undefined) header.request = stored;
  if (tags !== undefined) header.tags = tags;
  return header;
}
