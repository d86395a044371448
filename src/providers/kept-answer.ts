import { AttemptProgress } from "../core/attempt-progress.ts";
import { HeadraceError, nobodyWaits, toHeadraceError } from "../core/errors.ts";
import type { StreamEvent, Usage } from "../core/events.ts";
import { whenOpen } from "../core/opened-source.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Resumption } from "../core/resumption.ts";
import type { SourceOptions } from "../core/source.ts";
import type { Clock } from "../core/time.ts";
import type { EventReader, KeptAnswers } from "../protocols/protocol.ts";
import { EventStream } from "./event-stream.ts";
import type { TransportRequest, TransportResponse } from "./transport.ts";

/** Calls the provider at a path below its base URL; what is no success is thrown. */
export type CallPath = (call: {
  method: "GET" | "POST" | "DELETE";
  path: string;
  signal: AbortSignal;
  onConnect?: NonNullable<TransportRequest["onConnect"]>;
}) => Promise<TransportResponse>;

export interface KeptAnswerOptions {
  provider: string;
  request: GenerateRequest;
  reader: EventReader;
  keptAnswers: KeptAnswers;
  callPath: CallPath;
  clock: Clock;
}

/** Waits between calls for the rest: a gateway that is being restarted is back in a moment. */
const waitsMs = [250, 500, 1_000, 2_000];
const stopTimeoutMs = 5_000;

/** An answer that its provider keeps while it is made, so that a broken connection costs nothing of it. */
export class KeptAnswer implements Resumption {
  counted?: Usage;
  readonly #options: KeptAnswerOptions;
  /** What the attempt that reads it has got. */
  #progress: AttemptProgress | undefined;
  #isAbandoned = false;

  constructor(options: KeptAnswerOptions) {
    this.#options = options;
  }

  /** From now on this attempt reads the answer. */
  handTo(progress: AttemptProgress): void {
    if (this.#progress !== undefined) progress.goOnFrom(this.#progress);
    this.#progress = progress;
    progress.resumption = this;
    progress.isQueued = () => this.#options.reader.isQueued === true;
  }

  open({ signal, attempt = 0, progress = new AttemptProgress() }: SourceOptions): AsyncIterable<StreamEvent> {
    return whenOpen(async () => {
      const { provider, request, reader, keptAnswers } = this.#options;
      const { position } = reader;
      if (position === undefined) throw this.#notKept();
      const { body, headers } = await this.#call(keptAnswers.rest(position), signal, progress.onConnect);
      progress.onFirstByte?.();
      if (!(headers["content-type"] ?? "").includes("event-stream")) {
        body.cancel();
        throw this.#notKept();
      }
      // Models that think may take their time, but the provider has answered.
      progress.reads++;
      this.handTo(progress);
      reader.reopen?.();
      const begin = { type: "attempt-start", provider, model: request.model } as const;
      const stream = { provider, request, reader, body, begin, warnings: [], attempt, progress, signal };
      return new EventStream(stream);
    });
  }

  async abandon(): Promise<void> {
    const { reader, keptAnswers, callPath, clock } = this.#options;
    const { position } = reader;
    if (this.#isAbandoned || position === undefined) return;
    this.#isAbandoned = true;
    const calling = new AbortController();
    const giveUp = (): void => calling.abort(nobodyWaits);
    clock.sleep(stopTimeoutMs, { signal: calling.signal }).then(giveUp, () => {});
    try {
      const { body } = await callPath({ ...keptAnswers.stop(position.id), signal: calling.signal });
      body.cancel();
    } catch {
      // It may be over or gone already; there is nobody left who would care.
    } finally {
      giveUp();
    }
  }

  async #call(path: string, signal: AbortSignal, onConnect: AttemptProgress["onConnect"]): Promise<TransportResponse> {
    const { callPath, clock } = this.#options;
    const call = { method: "GET", path, signal, ...(onConnect !== undefined && { onConnect }) } as const;
    for (const waitMs of waitsMs) {
      try {
        return await callPath(call);
      } catch (error) {
        if (!mayPass(toHeadraceError(error)) || signal.aborted) throw error;
        await clock.sleep(waitMs, { signal });
      }
    }
    return callPath(call);
  }

  #notKept(): HeadraceError {
    return new HeadraceError("provider-error", `${this.#options.provider} does not go on with its answer`);
  }
}

function mayPass({ code }: HeadraceError): boolean {
  return code === "provider-unreachable" || code === "provider-overloaded";
}
