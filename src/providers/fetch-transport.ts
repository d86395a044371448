import { HeadraceError } from "../core/errors.ts";
import type { ByteSink, IncomingBody, Transport } from "./transport.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A transport over any web-standard `fetch`: the simulator's, an edge worker's, a test's. */
export function createFetchTransport(fetch: Fetch): Transport {
  return async ({ method, url, headers, body, signal }) => {
    let response: Response;
    try {
      const init: RequestInit = { method, headers, signal, redirect: "manual" };
      if (body !== undefined) init.body = body as BodyInit;
      response = await fetch(url, init);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new HeadraceError("provider-unreachable", `no answer from ${new URL(url).host}`, { cause: error });
    }
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: new FetchBody(response.body, signal),
    };
  };
}

class FetchBody implements IncomingBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #signal: AbortSignal;
  #gate: PromiseWithResolvers<void> | undefined;
  #cancelled = false;

  constructor(body: ReadableStream<Uint8Array> | null, signal: AbortSignal) {
    this.#reader = body?.getReader();
    this.#signal = signal;
  }

  pipe(sink: ByteSink): void {
    this.#pump(sink).then(
      () => sink.end(),
      (error: unknown) => {
        if (this.#signal.aborted) sink.end(this.#signal.reason);
        else sink.end(new HeadraceError("stream-truncated", "the provider's connection broke", { cause: error }));
      },
    );
  }

  pause(): void {
    this.#gate ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  cancel(): void {
    this.#cancelled = true;
    this.resume();
    // A body that has failed already rejects, which is no news.
    this.#reader?.cancel().catch(() => {});
  }

  release(): void {
    this.cancel();
  }

  async #pump(sink: ByteSink): Promise<void> {
    while (this.#reader !== undefined && !this.#cancelled) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      if (this.#gate !== undefined) await this.#gate.promise;
      if (!this.#cancelled) sink.push(value);
    }
  }
}
