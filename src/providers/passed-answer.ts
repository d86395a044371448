import type { AttemptProgress } from "../core/attempt-progress.ts";
import { errorFromReport, toHeadraceError } from "../core/errors.ts";
import type { AttemptStart, StreamEnd, StreamEvent } from "../core/events.ts";
import type { EventReader } from "../protocols/protocol.ts";
import type { ByteSink, IncomingBody } from "./transport.ts";

/** Bytes that wait for a slow client before the provider is paused. */
const maxWaitingBytes = 64 * 1024;

export interface PassedAnswerOptions {
  /** Announces the answer, once there is something of it. */
  begin: AttemptStart;
  incoming: IncomingBody;
  /** Reads along. */
  reader: EventReader;
  /** Told of what arrives, as it arrives. */
  progress: AttemptProgress;
  see: (event: StreamEvent) => void;
}

/** A provider's body on its way to a client: byte for byte the same, and read along with. */
export class PassedAnswer implements ByteSink {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves with the first bytes, or `false` when there are none; rejects with what comes instead. */
  readonly begun: Promise<boolean>;
  readonly #options: PassedAnswerOptions;
  readonly #begun = Promise.withResolvers<boolean>();
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #hasBegun = false;

  constructor(options: PassedAnswerOptions) {
    const { incoming, progress } = options;
    this.#options = options;
    this.begun = this.#begun.promise;
    progress.reports = true;
    this.body = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
          incoming.pipe(this);
        },
        pull: () => {
          progress.isPaused = false;
          incoming.resume();
        },
        cancel: () => incoming.cancel(),
      },
      { highWaterMark: maxWaitingBytes, size: (bytes) => bytes.byteLength },
    );
  }

  push(bytes: Uint8Array): void {
    const { incoming, reader, progress } = this.#options;
    progress.reads++;
    // Bytes are all that an answer in one piece has to show for its progress.
    progress.steps++;
    // Transports may use their buffer again.
    this.#controller?.enqueue(new Uint8Array(bytes));
    if ((this.#controller?.desiredSize ?? 0) <= 0) {
      progress.isPaused = true;
      incoming.pause();
    }
    this.#begin();
    for (const event of reader.push(bytes)) this.#see(event);
  }

  end(error?: unknown): void {
    if (error !== undefined) {
      this.#controller?.error(error);
      this.#begun.reject(error);
      if (this.#hasBegun) this.#over(brokenOff(error));
      return;
    }
    this.#controller?.close();
    this.#begun.resolve(false);
    if (!this.#hasBegun) return;
    for (const event of this.#options.reader.end()) {
      if (event.type === "stream-end") this.#over(event);
      else this.#see(event);
    }
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#options.see(this.#options.begin);
    this.#begun.resolve(true);
  }

  #see(event: StreamEvent): void {
    this.#options.progress.see(event);
    this.#options.see(event);
  }

  /** The attempt ends before its stream does. */
  #over(end: StreamEnd): void {
    this.#options.progress.end(end.error === undefined ? undefined : errorFromReport(end.error));
    this.#options.see(end);
  }
}

function brokenOff(thrown: unknown): StreamEnd {
  const error = toHeadraceError(thrown);
  if (error.code === "cancelled") return { type: "stream-end", outcome: "cancelled" };
  return { type: "stream-end", outcome: "interrupted", error: error.report() };
}
