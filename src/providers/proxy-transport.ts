import { type Dispatcher, EnvHttpProxyAgent } from "undici";

import { HeadraceError } from "../core/errors.ts";
import { codeOf, connectionBroke, isCertificateError } from "./connection-errors.ts";
import type { ByteSink, IncomingBody, Transport, TransportResponse } from "./transport.ts";

/** How long a complete answer's connection may take to finish before it is closed instead of used again. */
const releaseMs = 1_000;

export interface ProxyTransport {
  transport: Transport;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** Longest wait for a connection, TLS included, in milliseconds. */
  connectTimeoutMs: number;
  httpProxy?: string;
  httpsProxy?: string;
  /** Hosts that are called directly, as `NO_PROXY` lists them. */
  noProxy?: string;
}

/** The transport behind a company's proxy: undici, which knows how to tunnel. */
export function createProxyTransport({ connectTimeoutMs, ...proxies }: ProxyOptions): ProxyTransport {
  const agent = new EnvHttpProxyAgent({
    ...proxies,
    connect: { timeout: connectTimeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    // Below the 30 s at which common servers close idle connections, so that a reused one is rarely closed under us.
    keepAliveTimeout: 25_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: 64 * 1024,
    pipelining: 1,
  });

  const transport: Transport = ({ method, url, headers, body, signal, onConnect }) =>
    new Promise<TransportResponse>((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const { origin, pathname, search, host } = new URL(url);
      const incoming = new ProxiedBody(signal);
      const unreachable = (error: Error): HeadraceError =>
        new HeadraceError("provider-unreachable", `no answer from ${host} (${codeOf(error)})`, {
          cause: error,
          ...(isCertificateError(error) && { shouldRetry: false }),
        });
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(controller) {
          incoming.connect(controller);
          onConnect?.({ reused: false });
        },
        onResponseStart(_controller, status, rawHeaders) {
          // 1xx answers are news of the real one, which follows.
          if (status >= 200) resolve({ status, headers: flatHeaders(rawHeaders), body: incoming });
        },
        onResponseData: (_controller, chunk) => incoming.push(chunk),
        onResponseEnd: () => incoming.finish(),
        onResponseError(_controller, error) {
          reject(signal.aborted ? (signal.reason as Error) : unreachable(error));
          incoming.finish(connectionBroke(error));
        },
      };
      agent.dispatch({ origin, path: pathname + search, method, headers, body: body ?? null }, handler);
    });

  return { transport, close: () => agent.destroy() };
}

/** The dispatcher's pushes, kept until somebody takes them. */
class ProxiedBody implements IncomingBody {
  #controller: Dispatcher.DispatchController | undefined;
  #sink: ByteSink | undefined;
  /** What came before there was a sink. */
  #early: Uint8Array[] = [];
  #end: { error?: unknown } | undefined;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.cancel();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  connect(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.cancel();
  }

  push(chunk: Uint8Array): void {
    if (this.#sink !== undefined) {
      this.#sink.push(chunk);
      return;
    }
    this.#early.push(chunk);
    this.pause();
  }

  finish(error?: unknown): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error: this.#signal.aborted ? this.#signal.reason : error };
    this.#sink?.end(this.#end.error);
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink;
    for (const chunk of this.#early) sink.push(chunk);
    this.#early = [];
    if (this.#end === undefined) this.resume();
    else sink.end(this.#end.error);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    if (this.#controller?.paused === true) this.#controller.resume();
  }

  cancel(): void {
    if (this.#end === undefined) this.#controller?.abort(new Error("nobody wants the answer any more"));
  }

  release(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (this.#end !== undefined) return;
    const timer = setTimeout(() => this.cancel(), releaseMs);
    timer.unref();
    this.#sink = { push: () => {}, end: () => clearTimeout(timer) };
    this.resume();
  }
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) flat[name.toLowerCase()] = last;
  }
  return flat;
}
