import { Agent, type Dispatcher } from "undici";

import { HeadraceError } from "../core/errors.ts";
import type { Transport, TransportResponse } from "./transport.ts";

/** Bytes of one answer that may wait for their reader before the socket is paused. */
const bufferBytes = 256 * 1024;

export interface UndiciTransport {
  transport: Transport;
  close(): Promise<void>;
}

/**
 * The transport on Node: undici's dispatcher, which hands over each read of the socket as it is. A Readable or a web
 * stream in between would cost more than everything else that happens to an event.
 *
 * @param options.connectTimeoutMs - longest wait for a connection, TLS included.
 */
export function createUndiciTransport({ connectTimeoutMs }: { connectTimeoutMs: number }): UndiciTransport {
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    // Below the 30 s at which common servers close idle connections, so that a reused one is rarely closed under us.
    keepAliveTimeout: 25_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: 64 * 1024,
    pipelining: 1,
  });

  const transport: Transport = ({ method, url, headers, body, signal }) =>
    new Promise<TransportResponse>((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const { origin, pathname, search, host } = new URL(url);
      const incoming = new IncomingBody(signal);
      const unreachable = (error: Error): HeadraceError =>
        new HeadraceError("provider-unreachable", `no answer from ${host} (${codeOf(error)})`, { cause: error });
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: (controller) => incoming.connect(controller),
        onResponseStart(_controller, status, rawHeaders) {
          // 1xx answers are news of the real one, which follows.
          if (status >= 200) resolve({ status, headers: flatHeaders(rawHeaders), body: incoming });
        },
        onResponseData: (_controller, chunk) => incoming.push(chunk),
        onResponseEnd: () => incoming.finish(),
        onResponseError(_controller, error) {
          reject(signal.aborted ? (signal.reason as Error) : unreachable(error));
          incoming.finish(error);
        },
      };
      agent.dispatch({ origin, path: pathname + search, method, headers, body: body ?? null }, handler);
    });

  return { transport, close: () => agent.destroy() };
}

/** Turns the dispatcher's pushes into an iterable that pauses the socket when nobody takes the bytes. */
class IncomingBody implements AsyncIterableIterator<Uint8Array> {
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: Error | undefined;
  #waiting: { resolve: (result: IteratorResult<Uint8Array>) => void; reject: (error: unknown) => void } | undefined;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#controller?.abort(this.#signal.reason as Error);

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  connect(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#onAbort();
  }

  push(chunk: Uint8Array): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ value: chunk, done: false });
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes > bufferBytes) this.#controller?.pause();
  }

  finish(error?: Error): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (error === undefined) waiting.resolve({ value: undefined, done: true });
    else waiting.reject(this.#signal.aborted ? this.#signal.reason : truncated(error));
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#take();
    if (chunk !== undefined) return Promise.resolve({ value: chunk, done: false });
    if (this.#error !== undefined) {
      return Promise.reject((this.#signal.aborted ? this.#signal.reason : truncated(this.#error)) as Error);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#ended) this.#controller?.abort(new Error("nobody reads the answer any more"));
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Uint8Array | undefined {
    if (this.#chunks.length === 0) return undefined;
    const chunk = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#controller?.paused === true) this.#controller.resume();
    return chunk;
  }
}

function truncated(error: Error): HeadraceError {
  return new HeadraceError("stream-truncated", `the provider's connection broke (${codeOf(error)})`, { cause: error });
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) flat[name.toLowerCase()] = last;
  }
  return flat;
}
