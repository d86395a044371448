import { nobodyWaits } from "../core/errors.ts";
import { isTerminal, isWhole } from "../core/events.ts";
import type { LogEntry, StreamLog } from "../log/stream-log.ts";
import type { Position } from "./follow.ts";
import { follow } from "./follow.ts";

/** A connection that takes frames. */
export interface Sink {
  /** Takes bytes. False: it has enough for now, and calls `drained` of its reader when there is room again. */
  write(bytes: Uint8Array): boolean;
  /** Nothing more comes. `whole` is false when the client must be able to see that the body is not complete. */
  end(whole: boolean): void;
}

/** How entries become bytes, for all readers who want the same form of a stream. */
export interface Rendering {
  /** Readers with equal keys get equal bytes, and share the work. */
  key: string;
  /** A writer that starts at the header; it returns the frames that an entry completes. */
  createWriter(): (entry: LogEntry) => Uint8Array[];
  /** Something to send in silence, where the framing has room for it. */
  heartbeat?: Uint8Array;
  /** Whether an answer that was cut has told so in a frame of its own; otherwise the connection has to. */
  tellsFailures: boolean;
}

/** Frames for one reader are joined up to this size: catching up then needs few writes. */
const joinBytes = 16 * 1024;

/** One reader of a broadcast. */
export interface Reader {
  /** The sink has room again. */
  drained(): void;
  /** The client went away. */
  leave(): void;
  /** Sends a heartbeat if nothing was written since the last call. */
  beat(): void;
  /** Writes a heartbeat, where there is room for one, to find out whether the client is still there. */
  probe(): void;
  /** Closes the connection; the client can resume. */
  drop(): void;
  /** Since when the sink has taken nothing although there was something, in ticks of `beat`. */
  readonly stalledBeats: number;
}

/**
 * Follows one stream once for all readers who want it in the same form: each entry is encoded once, and an idle reader
 * costs a position. Nothing that was sent is kept: a reader that is behind is served from the log, by itself, so it slows
 * nobody.
 */
export class Broadcast {
  readonly #log: StreamLog;
  readonly #streamId: string;
  readonly #rendering: Rendering;
  readonly #onEmpty: () => void;
  readonly #stop = new AbortController();
  readonly #readers = new Set<BroadcastReader>();
  /** Of the last entry that was rendered. */
  #seq = -1;
  /** Set once the terminal entry was rendered; false when the connection has to show that the body is not whole. */
  #whole: boolean | undefined;

  constructor(log: StreamLog, streamId: string, rendering: Rendering, onEmpty: () => void) {
    this.#log = log;
    this.#streamId = streamId;
    this.#rendering = rendering;
    this.#onEmpty = onEmpty;
    this.#run().catch(() => this.#dropAll());
  }

  /** @param onLeave - told whether the reader had all of the stream. */
  attach(sink: Sink, position: Position, onLeave: (complete: boolean) => void): Reader {
    const reader = new BroadcastReader(this, sink, position, this.#rendering.heartbeat, () => {
      this.#readers.delete(reader);
      onLeave(reader.isComplete);
      if (this.#readers.size > 0) return;
      this.#stop.abort(nobodyWaits);
      this.#onEmpty();
    });
    this.#readers.add(reader);
    this.join(reader);
    return reader;
  }

  /** A reader that has everything up to here takes part from now on; any other one catches up first. */
  join(reader: BroadcastReader): void {
    if (reader.seq <= this.#seq) this.#replay(reader).catch(() => reader.end(false));
    else if (this.#whole !== undefined) reader.finish(this.#whole);
  }

  /** Reads what is there, then is told of what comes, without a promise per entry. */
  async #run(): Promise<void> {
    const write = this.#rendering.createWriter();
    const take = (entries: readonly LogEntry[]): void => {
      const { seq, event } = entries[entries.length - 1] as LogEntry;
      const frames = entries.length === 1 ? write(entries[0] as LogEntry) : undefined;
      const rendered = frames === undefined ? entries.map((entry) => ({ seq: entry.seq, frames: write(entry) })) : [];
      this.#seq = seq;
      if (isTerminal(event)) this.#whole = this.#rendering.tellsFailures || isWhole(event.outcome);
      for (const reader of this.#readers) {
        if (reader.busy) continue;
        // One new entry for readers that are up to date: what happens for every token.
        const isUpToDate = frames === undefined ? reader.takeAll(rendered) : reader.takeOne(seq, frames);
        if (isUpToDate && this.#whole !== undefined) reader.finish(this.#whole);
      }
    };
    while (this.#whole === undefined && !this.#stop.signal.aborted) {
      const entries = await this.#log.read(this.#streamId, { after: this.#seq, limit: 256 });
      if (entries.length > 0) take(entries);
      else await this.#takeAsCommitted(take);
    }
  }

  /** Resolves when the stream has ended, nobody reads any more, or the log has to be read again. */
  #takeAsCommitted(take: (entries: readonly LogEntry[]) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const unsubscribe = this.#log.subscribe(this.#streamId, this.#seq, (entries) => {
        try {
          if (entries.length > 0) take(entries);
        } catch (error) {
          // What cannot be rendered is the trouble of those who read it in this form, not of the log.
          reject(error);
          done();
        }
        if (entries.length === 0 || this.#whole !== undefined) done();
      });
      const done = (): void => {
        this.#stop.signal.removeEventListener("abort", done);
        unsubscribe?.();
        resolve();
      };
      if (unsubscribe === undefined) resolve();
      else this.#stop.signal.addEventListener("abort", done, { once: true });
    });
  }

  /** Serves a reader from the log, with a writer of its own, until it is back among the others or the stream ends. */
  async #replay(reader: BroadcastReader): Promise<void> {
    reader.replaying = true;
    const write = this.#rendering.createWriter();
    for await (const entries of follow(this.#log, this.#streamId, { signal: reader.signal })) {
      for (const entry of entries) {
        const frames = write(entry);
        if (entry.seq < reader.seq) continue;
        // Asked again each time, because a heartbeat may have filled it meanwhile.
        while (reader.blocked) await reader.room();
        if (reader.take(entry.seq, frames)) reader.flush();
      }
      while (reader.blocked) await reader.room();
      // A slow reader would fall behind again, and each return costs a replay from the beginning.
      if (!reader.wasSlow && reader.seq > this.#seq) {
        reader.replaying = false;
        this.join(reader);
        return;
      }
      const last = (entries.at(-1) as LogEntry).event;
      if (isTerminal(last)) reader.finish(this.#rendering.tellsFailures || isWhole(last.outcome));
    }
  }

  /** The stream was deleted, or the log is out of order: nobody can be served any more. */
  #dropAll(): void {
    for (const reader of this.#readers) reader.end(false);
  }
}

class BroadcastReader implements Reader {
  seq: number;
  blocked = false;
  replaying = false;
  wasSlow = false;
  stalledBeats = 0;
  /** It was given everything up to the terminal entry. */
  isComplete = false;
  #skipFrames: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #wroteSinceBeat = true;
  #left = false;
  #abort: AbortController | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #broadcast: Broadcast;
  readonly #sink: Sink;
  readonly #heartbeat: Uint8Array | undefined;
  readonly #onLeave: () => void;

  constructor(
    broadcast: Broadcast,
    sink: Sink,
    position: Position,
    heartbeat: Uint8Array | undefined,
    onLeave: () => void,
  ) {
    this.#broadcast = broadcast;
    this.#sink = sink;
    this.seq = position.seq;
    this.#skipFrames = position.skipFrames;
    this.#heartbeat = heartbeat;
    this.#onLeave = onLeave;
  }

  get busy(): boolean {
    return this.blocked || this.replaying || this.#left;
  }

  /** Aborted when the reader leaves. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#left) this.#abort.abort(nobodyWaits);
    return this.#abort.signal;
  }

  /** Takes the only new entry there is; false when the sink has enough. */
  takeOne(seq: number, frames: readonly Uint8Array[]): boolean {
    if (frames.length !== 1 || seq !== this.seq || this.#skipFrames > 0) {
      return seq < this.seq || (this.take(seq, frames) && this.flush());
    }
    this.seq = seq + 1;
    return this.#write(frames[0] as Uint8Array);
  }

  /** Takes entries as far as the sink does; false when it has enough, and the rest is to be had from the log. */
  takeAll(entries: readonly { seq: number; frames: readonly Uint8Array[] }[]): boolean {
    for (const { seq, frames } of entries) {
      if (seq >= this.seq && !this.take(seq, frames)) return false;
    }
    return this.flush();
  }

  /** Takes one entry's frames; false when the sink has enough. */
  take(seq: number, frames: readonly Uint8Array[]): boolean {
    this.seq = seq + 1;
    for (let index = 0; index < frames.length; index++) {
      if (this.#skipFrames > 0) {
        this.#skipFrames--;
        continue;
      }
      const frame = frames[index] as Uint8Array;
      this.#pending.push(frame);
      this.#pendingBytes += frame.byteLength;
    }
    this.#skipFrames = 0;
    return this.#pendingBytes < joinBytes || this.flush();
  }

  flush(): boolean {
    if (this.#pending.length === 0) return !this.blocked;
    const bytes =
      this.#pending.length === 1 ? (this.#pending[0] as Uint8Array) : join(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    return this.#write(bytes);
  }

  /** Resolves when a blocked sink has room; rejects when the reader leaves. */
  room(): Promise<void> {
    if (this.#left) return Promise.reject(this.signal.reason as Error);
    if (!this.blocked) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  drained(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.stalledBeats = 0;
    if (this.replaying) {
      this.#room?.resolve();
      this.#room = undefined;
    } else {
      this.#broadcast.join(this);
    }
  }

  beat(): void {
    if (this.blocked) this.stalledBeats++;
    else if (!this.#wroteSinceBeat && this.#heartbeat !== undefined) this.#write(this.#heartbeat);
    this.#wroteSinceBeat = false;
  }

  probe(): void {
    if (!this.blocked && this.#heartbeat !== undefined) this.#write(this.#heartbeat);
  }

  drop(): void {
    this.end(false);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#abort?.abort(nobodyWaits);
    this.#room?.reject(this.signal.reason);
    this.#room?.promise.catch(() => {});
    this.#onLeave();
  }

  /** There is nothing more in the stream. */
  finish(whole: boolean): void {
    this.isComplete = true;
    this.end(whole);
  }

  end(whole: boolean): void {
    if (this.#left) return;
    if (!this.blocked) this.flush();
    this.#sink.end(whole);
    this.leave();
  }

  #write(bytes: Uint8Array): boolean {
    // By now the connection may carry another answer.
    if (this.#left) return false;
    this.#wroteSinceBeat = true;
    if (this.#sink.write(bytes)) return true;
    this.blocked = true;
    this.wasSlow = true;
    return false;
  }
}

function join(chunks: Uint8Array[], bytes: number): Uint8Array {
  const joined = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}
