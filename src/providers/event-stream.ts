import { AttemptProgress } from "../core/attempt-progress.ts";
import { errorFromReport, HeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEvent, Usage } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import { estimateUsage, usageWithRest } from "../core/usage-estimate.ts";
import type { EventReader } from "../protocols/protocol.ts";
import type { ByteSink, IncomingBody } from "./transport.ts";

/** Events that may wait for their consumer before the body is paused. */
const maxQueued = 1_024;

type Waiting = PromiseWithResolvers<IteratorResult<StreamEvent, undefined>>;

export interface EventStreamOptions {
  provider: string;
  /** What was asked for. What the answer says of its model wins. */
  request: GenerateRequest;
  reader: EventReader;
  body: IncomingBody;
  /** Announces the answer, where the body does not because its beginning was in another one. */
  begin?: AttemptStart;
  /** What was left out of the request; told once the answer begins. */
  warnings: readonly string[];
  /** Number of the attempt within its stream. Default 0. */
  attempt?: number;
  /** Told of what arrives, as it arrives. */
  progress?: AttemptProgress;
  /** Ends the events with its reason. */
  signal: AbortSignal;
}

/**
 * A provider's body as events. Written as an iterator and not as a generator, because each generator between the socket
 * and the log costs several promises per token.
 */
export class EventStream implements AsyncIterableIterator<StreamEvent, undefined>, ByteSink {
  readonly #options: EventStreamOptions;
  readonly #reader: EventReader;
  readonly #body: IncomingBody;
  readonly #progress: AttemptProgress;
  #queue: StreamEvent[] = [];
  #taken = 0;
  #waiting: Waiting | undefined;
  /** Set when nothing more comes; thrown once the queue is empty. */
  #end: { error?: unknown } | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#reader = options.reader;
    this.#body = options.body;
    this.#progress = options.progress ?? new AttemptProgress();
    this.#progress.reports = true;
    this.#progress.conclude = () => this.#conclude();
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (options.begin !== undefined) this.#start(options.begin);
    this.#body.pipe(this);
    if (options.signal.aborted) this.#onAbort();
  }

  push(bytes: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#progress.reads++;
    this.#add(this.#reader.push(bytes), true);
    if (this.#queue.length - this.#taken <= maxQueued) return;
    this.#progress.isPaused = true;
    this.#body.pause();
  }

  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    if (error === undefined) this.#add(this.#reader.end(), false);
    else this.#finish(error);
  }

  next(): Promise<IteratorResult<StreamEvent, undefined>> {
    const event = this.#queue[this.#taken];
    if (event !== undefined) {
      this.#taken++;
      if (this.#taken === this.#queue.length) this.#clear();
      return Promise.resolve({ value: event, done: false });
    }
    if (this.#end === undefined) {
      this.#waiting = Promise.withResolvers();
      return this.#waiting.promise;
    }
    const { error } = this.#end;
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
  }

  return(): Promise<IteratorResult<StreamEvent, undefined>> {
    if (this.#end === undefined) {
      this.#finish();
      this.#body.cancel();
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #add(events: StreamEvent[], isSaid: boolean): void {
    for (const event of events) {
      if (event.type === "stream-end") {
        // What the provider has ended itself has no rest.
        if (isSaid || event.error === undefined) this.#progress.resumption = undefined;
        if (event.error !== undefined) {
          this.#finish(errorFromReport(event.error));
          // What is wrong may go on for ever, and nobody wants more of it.
          this.#body.cancel();
          return;
        }
        this.#body.release();
        const missing = this.#missingUsage();
        if (missing !== undefined) this.#give({ type: "usage", usage: missing });
        this.#give(event);
        this.#finish();
        return;
      }
      if (event.type === "attempt-start") this.#start(event);
      else this.#give(event);
    }
  }

  #start(event: AttemptStart): void {
    const { provider, request, warnings, attempt = 0 } = this.#options;
    for (const message of warnings) this.#give({ type: "warning", message });
    const start: AttemptStart = { ...event, provider, model: event.model === "" ? request.model : event.model };
    if (attempt > 0) start.attempt = attempt;
    this.#give(start);
  }

  /** An estimate where the provider said nothing, or nothing but what it knew at the beginning. */
  #missingUsage(): Usage | undefined {
    const { usage, characters, charactersCounted } = this.#progress;
    if (usage === undefined) return estimateUsage(this.#options.request, characters);
    const isOfAnswer = charactersCounted > 0 && usage.outputTokens > 0;
    return isOfAnswer || characters === 0 ? undefined : usageWithRest(usage, characters);
  }

  #give(event: StreamEvent): void {
    this.#progress.see(event);
    if (this.#waiting === undefined) {
      this.#queue.push(event);
      return;
    }
    this.#waiting.resolve({ value: event, done: false });
    this.#waiting = undefined;
  }

  #clear(): void {
    this.#queue = [];
    this.#taken = 0;
    if (this.#end !== undefined || !this.#progress.isPaused) return;
    this.#progress.isPaused = false;
    this.#body.resume();
  }

  #conclude(): void {
    this.end();
    this.#body.cancel();
  }

  readonly #onAbort = (): void => {
    if (this.#end !== undefined) return;
    this.#finish(this.#options.signal.reason);
    this.#body.cancel();
  };

  #finish(error?: unknown): void {
    this.#end = error === undefined ? {} : { error };
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#progress.end(error);
    if (error === undefined) this.#waiting?.resolve({ value: undefined, done: true });
    else this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** The reader of a body that comes as one document: all its events at once, at the end. */
export function createDocumentReader(read: (text: string) => StreamEvent[], maxBytes: number): EventReader {
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let size = 0;
  return {
    push(bytes) {
      size += bytes.byteLength;
      pieces.push(decoder.decode(bytes, { stream: true }));
      if (size <= maxBytes) return [];
      const error = new HeadraceError("response-too-large", `the provider's answer is larger than ${maxBytes} bytes`);
      return [{ type: "stream-end", outcome: "failed", error: error.report() }];
    },
    end: () => read(pieces.join("") + decoder.decode()),
  };
}
