import { HeadraceError } from "../core/errors.ts";
import type { Observation, StreamStarted, StreamTap } from "../core/observer.ts";
import type { Clock } from "../core/time.ts";
import { LiveTrace } from "./live-trace.ts";
import type { Prices } from "./prices.ts";
import { TokenRecorder } from "./token-recorder.ts";
import type { TraceReaders } from "./trace.ts";

export interface TraceCollectorOptions {
  clock: Clock;
  prices: Prices;
  isRoute: (model: string) => boolean;
  /** Traces that may wait to be stored; beyond them the oldest that are complete are given up. */
  maxWaiting?: number;
}

/** An attempt that has not ended so long after its stream never will. */
const longestWaitForAttemptsMs = 60_000;

/** Keeps the traces of streams that this process writes until they are stored. Nothing here waits for anything. */
export class TraceCollector {
  /** Readers of streams whose traces are stored already; to be added to what is stored. */
  readonly lateReaders = new Map<string, TraceReaders>();
  /** Traces that were given up because they could not be stored. */
  dropped = 0;
  readonly #options: TraceCollectorOptions;
  readonly #traces = new Map<string, LiveTrace>();

  constructor(options: TraceCollectorOptions) {
    this.#options = options;
  }

  /** What the streams and attempts of this process tell. */
  readonly observe = (observation: Observation): void => {
    switch (observation.type) {
      case "stream-started":
        this.#start(observation);
        return;
      case "stream-ended": {
        const trace = this.#traces.get(observation.streamId);
        if (trace === undefined || trace.ending !== undefined) return;
        const { outcome, error } = observation;
        const endedAt = this.#options.clock.now();
        trace.ending = { outcome, endedAt, durationMs: trace.recorder.elapsedMs };
        if (error !== undefined) trace.ending.error = error;
        trace.isDirty = true;
        return;
      }
      case "stream-lost": {
        const error = new HeadraceError("stream-interrupted", "the end of this stream could not be written");
        const { streamId } = observation;
        this.observe({ type: "stream-ended", streamId, outcome: "interrupted", error: error.report() });
        return;
      }
      case "attempt-started":
      case "attempt-ended":
        this.#traces.get(observation.streamId)?.attempt(observation);
        return;
      case "reader-attached": {
        const readers = this.#readersOf(observation.streamId);
        readers.attached++;
        if (observation.resumed) readers.resumed++;
        return;
      }
      case "reader-left":
        this.#readersOf(observation.streamId)[observation.complete ? "left" : "disconnected"]++;
        break;
      default:
    }
  };

  /** For the write loop of a stream that was just started. */
  readonly tap = (streamId: string): StreamTap | undefined => this.#traces.get(streamId)?.recorder;

  get(streamId: string): LiveTrace | undefined {
    return this.#traces.get(streamId);
  }

  /** All that are not stored as complete. */
  all(): IterableIterator<LiveTrace> {
    return this.#traces.values();
  }

  /** Those with something that is not stored yet; at most `limit`. */
  waiting(limit: number): LiveTrace[] {
    const found: LiveTrace[] = [];
    for (const trace of this.#traces.values()) {
      if (found.length >= limit) break;
      if (trace.isDirty) found.push(trace);
    }
    return found;
  }

  /** Readers that could not be added to what is stored. */
  returnReaders(readers: ReadonlyMap<string, TraceReaders>): void {
    for (const [streamId, { attached, resumed, left, disconnected }] of readers) {
      const sum = this.#readersOf(streamId);
      sum.attached += attached;
      sum.resumed += resumed;
      sum.left += left;
      sum.disconnected += disconnected;
    }
  }

  /** What was noted of this one, as it is now or was a moment ago, is stored. */
  stored(trace: LiveTrace): void {
    if (trace.isComplete && !trace.isDirty) this.#traces.delete(trace.started.streamId);
  }

  forget(streamId: string): void {
    this.#traces.delete(streamId);
    this.lateReaders.delete(streamId);
  }

  /** Ends what will not end by itself, and gives up what is too much. To be called now and then. */
  tidy(): void {
    const { clock, maxWaiting = 20_000 } = this.#options;
    if (this.lateReaders.size > maxWaiting) this.lateReaders.clear();
    for (const trace of this.#traces.values()) {
      const { ending, recorder } = trace;
      if (ending === undefined) continue;
      if (recorder.elapsedMs - ending.durationMs > longestWaitForAttemptsMs) trace.closeAttempts(clock.now());
      if (this.#traces.size > maxWaiting && trace.isComplete) {
        this.#traces.delete(trace.started.streamId);
        this.dropped++;
      }
    }
  }

  #start(started: StreamStarted): void {
    const { clock, prices, isRoute } = this.#options;
    const route = isRoute(started.model) ? started.model : undefined;
    const recorder = new TokenRecorder(clock);
    this.#traces.set(started.streamId, new LiveTrace({ started, recorder, route, prices }));
  }

  #readersOf(streamId: string): TraceReaders {
    const live = this.#traces.get(streamId);
    if (live !== undefined) {
      live.isDirty = true;
      return live.readers;
    }
    let readers = this.lateReaders.get(streamId);
    if (readers === undefined) {
      readers = { attached: 0, resumed: 0, left: 0, disconnected: 0 };
      this.lateReaders.set(streamId, readers);
    }
    return readers;
  }
}
