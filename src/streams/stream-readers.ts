import { HeadraceError } from "../core/errors.ts";
import type { Observe } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import type { StreamLog } from "../log/stream-log.ts";
import type { Reader, Rendering, Sink } from "./broadcast.ts";
import { Broadcast } from "./broadcast.ts";
import type { Position } from "./follow.ts";
import { Heartbeats } from "./heartbeats.ts";

export interface StreamReadersOptions {
  log: StreamLog;
  clock: Clock;
  observe: Observe;
  heartbeatMs: number;
  limits: { readers: number; readersPerStream: number; writeStallMs: number };
  onJoined: (streamId: string) => void;
  onLastLeft: (streamId: string) => void;
}

/** Who reads which stream, in whatever form. */
export class StreamReaders {
  readonly #options: StreamReadersOptions;
  readonly #counts = new Map<string, number>();
  readonly #broadcasts = new Map<string, Broadcast>();
  readonly #heartbeats: Heartbeats;
  #count = 0;

  constructor(options: StreamReadersOptions) {
    this.#options = options;
    const { clock, heartbeatMs, limits } = options;
    this.#heartbeats = new Heartbeats({ clock, heartbeatMs, writeStallMs: limits.writeStallMs });
  }

  get count(): number {
    return this.#count;
  }

  hasAny(streamId: string): boolean {
    return this.#counts.has(streamId);
  }

  /** As `Streams.attach`. */
  attach(streamId: string, rendering: Rendering, sink: Sink, position: Position): Reader {
    const { observe } = this.#options;
    let hasLeft = false;
    let leave = (): void => void (hasLeft = true);
    const broadcast = this.#broadcast(streamId, rendering);
    const release = this.retain(streamId);
    const reader = broadcast.attach(sink, position, (complete) => {
      leave();
      release();
      observe({ type: "reader-left", streamId, complete });
    });
    // A stream that was over has no more to say, and its reader is gone already.
    if (!hasLeft) leave = this.#heartbeats.add(reader);
    observe({ type: "reader-attached", streamId, resumed: position.seq > 0 });
    return reader;
  }

  #broadcast(streamId: string, rendering: Rendering): Broadcast {
    const key = `${streamId} ${rendering.key}`;
    const known = this.#broadcasts.get(key);
    if (known !== undefined) return known;
    const opened = new Broadcast(this.#options.log, streamId, rendering, () => {
      if (this.#broadcasts.get(key) === opened) this.#broadcasts.delete(key);
    });
    this.#broadcasts.set(key, opened);
    return opened;
  }

  /** As `Streams.admit`. */
  admit(streamId: string): () => void {
    const { limits } = this.#options;
    const hasRoom = (this.#counts.get(streamId) ?? 0) < limits.readersPerStream && this.#count < limits.readers;
    const release = this.retain(streamId);
    if (hasRoom) return release;
    // As when it had come and gone: perhaps the stream was started for it.
    release();
    throw new HeadraceError("overloaded", "too many readers are connected; try again in a moment", {
      retryAfterMs: 2_000,
    });
  }

  /** As `Streams.retain`. */
  retain(streamId: string): () => void {
    this.#count++;
    this.#counts.set(streamId, (this.#counts.get(streamId) ?? 0) + 1);
    this.#options.onJoined(streamId);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#count--;
      const left = (this.#counts.get(streamId) ?? 1) - 1;
      if (left > 0) this.#counts.set(streamId, left);
      else {
        this.#counts.delete(streamId);
        this.#options.onLastLeft(streamId);
      }
    };
  }

  close(): void {
    this.#heartbeats.close();
  }
}
