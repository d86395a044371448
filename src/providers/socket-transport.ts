import { HeadraceError } from "../core/errors.ts";
import { codeOf, connectionBroke, isCertificateError } from "./connection-errors.ts";
import type { ExchangeListener } from "./http-connection.ts";
import { HttpConnection, writeRequestHead } from "./http-connection.ts";
import type { ByteSink, IncomingBody, Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface SocketTransport {
  transport: Transport;
  close(): Promise<void>;
}

export interface SocketTransportOptions {
  /** Longest wait for a connection, TLS included, in milliseconds. */
  connectTimeoutMs: number;
  /** PEM of certificates to trust beside the usual ones. */
  ca?: string;
}

/** How long a complete answer's connection may take to finish before it is closed instead of used again. */
const releaseMs = 1_000;
/** Connections that wait for another request, for each origin. */
const maxIdle = 256;

/**
 * The transport on Node: HTTP/1.1 over plain and TLS sockets that read into one buffer for all. General clients
 * allocate, copy and queue each read, which is about a fifth of what a token costs.
 */
export function createSocketTransport(options: SocketTransportOptions): SocketTransport {
  const connections = new Connections(options);
  const transport: Transport = (request) =>
    new Promise<TransportResponse>((resolve, reject) => {
      if (request.signal.aborted) reject(request.signal.reason as Error);
      else new Exchange(request, connections, { resolve, reject }).send();
    });
  return {
    transport,
    async close() {
      connections.close();
    },
  };
}

/** Open connections by origin, the one used last taken first. */
class Connections {
  readonly #options: SocketTransportOptions;
  readonly #idle = new Map<string, HttpConnection[]>();
  readonly #all = new Set<HttpConnection>();

  constructor(options: SocketTransportOptions) {
    this.#options = options;
  }

  take(origin: URL): { connection: HttpConnection; reused: boolean } {
    const idle = this.#idle.get(origin.origin)?.pop();
    if (idle !== undefined) return { connection: idle, reused: true };
    const connection = new HttpConnection({
      origin,
      ...this.#options,
      ca: this.#options.ca,
      onIdle: (one) => this.#keep(origin.origin, one),
      onClosed: (one) => this.#forget(origin.origin, one),
    });
    this.#all.add(connection);
    return { connection, reused: false };
  }

  /** The next request to this origin gets a new connection. */
  dropIdle({ origin }: URL): void {
    for (const connection of this.#idle.get(origin)?.slice() ?? []) connection.destroy();
    this.#idle.delete(origin);
  }

  close(): void {
    for (const connection of this.#all) connection.destroy();
  }

  #keep(origin: string, connection: HttpConnection): void {
    let idle = this.#idle.get(origin);
    if (idle === undefined) this.#idle.set(origin, (idle = []));
    if (idle.length < maxIdle) idle.push(connection);
    else connection.destroy();
  }

  #forget(origin: string, connection: HttpConnection): void {
    this.#all.delete(connection);
    const idle = this.#idle.get(origin);
    if (idle === undefined) return;
    const index = idle.indexOf(connection);
    if (index !== -1) idle.splice(index, 1);
    if (idle.length === 0) this.#idle.delete(origin);
  }
}

type Answered = Pick<PromiseWithResolvers<TransportResponse>, "resolve" | "reject">;

/** One request and its response; the body is kept until somebody takes it. */
class Exchange implements IncomingBody, ExchangeListener {
  readonly #request: TransportRequest;
  readonly #connections: Connections;
  readonly #answered: Answered;
  readonly #url: URL;
  readonly #onAbort = (): void => this.cancel();
  #connection: HttpConnection | undefined;
  #reused = false;
  #sink: ByteSink | undefined;
  /** What came before there was a sink. */
  #early: Buffer[] = [];
  #end: { error?: unknown } | undefined;
  /** By the sink. */
  #paused = false;

  constructor(request: TransportRequest, connections: Connections, answered: Answered) {
    this.#request = request;
    this.#connections = connections;
    this.#answered = answered;
    this.#url = new URL(request.url);
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  send(): void {
    const { method, headers, body } = this.#request;
    const length = typeof body === "string" ? Buffer.byteLength(body) : body?.byteLength;
    const head = writeRequestHead(method, this.#url, headers, length);
    const { connection, reused } = this.#connections.take(this.#url);
    this.#connection = connection;
    this.#reused = reused;
    if (reused) this.#request.onConnect?.({ reused });
    connection.request(head, body, this);
  }

  onConnect(): void {
    this.#request.onConnect?.({ reused: false });
  }

  onHead({ status, headers }: { status: number; headers: Record<string, string> }): void {
    this.#answered.resolve({ status, headers, body: this });
  }

  onData(bytes: Buffer): void {
    if (this.#sink !== undefined) {
      this.#sink.push(bytes);
      return;
    }
    this.#early.push(Buffer.from(bytes));
    this.#connection?.pause();
  }

  onEnd(): void {
    this.#finish({});
  }

  onFailure(error: Error, untouched: boolean): void {
    // The server closed an idle connection while the request was on its way; its others are as old.
    const isStale = untouched && this.#reused;
    if (isStale) this.#connections.dropIdle(this.#url);
    const { signal } = this.#request;
    this.#answered.reject(signal.aborted ? (signal.reason as Error) : this.#unreachable(error, isStale));
    this.#finish({ error: signal.aborted ? signal.reason : connectionBroke(error) });
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink;
    for (const chunk of this.#early) sink.push(chunk);
    this.#early = [];
    if (this.#end !== undefined) sink.end(this.#end.error);
    else if (!this.#paused) this.resume();
  }

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#connection?.resume();
  }

  cancel(): void {
    if (this.#end === undefined) this.#connection?.destroy();
  }

  release(): void {
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    if (this.#end !== undefined) return;
    const timer = setTimeout(() => this.cancel(), releaseMs);
    timer.unref();
    this.#sink = { push: () => {}, end: () => clearTimeout(timer) };
    this.resume();
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    // The connection may serve another request from now on.
    this.#connection = undefined;
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#sink?.end(end.error);
  }

  #unreachable(error: Error, onReusedConnection: boolean): HeadraceError {
    if (error instanceof HeadraceError) return error;
    return new HeadraceError("provider-unreachable", `no answer from ${this.#url.host} (${codeOf(error)})`, {
      cause: error,
      onReusedConnection,
      ...(isCertificateError(error) && { shouldRetry: false }),
    });
  }
}
