import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectSecurely } from "node:tls";

import { HeadraceError } from "../core/errors.ts";
import type { ResponseHead } from "./response-parser.ts";
import { ResponseParser } from "./response-parser.ts";

/** Told of what becomes of one request. */
export interface ExchangeListener {
  /** The connection was made for this request; not told when it was there already. */
  onConnect(): void;
  onHead(head: ResponseHead): void;
  /** Valid during the call only. */
  onData(bytes: Buffer): void;
  /** The response is complete. */
  onEnd(): void;
  /** It will not be. `untouched`: not one byte of it came. */
  onFailure(error: Error, untouched: boolean): void;
}

export interface ConnectionOptions {
  origin: URL;
  connectTimeoutMs: number;
  /** Of certificates to trust beside the usual ones; for tests and private authorities. */
  ca?: string | undefined;
  /** The connection waits for another request. */
  onIdle: (connection: HttpConnection) => void;
  onClosed: (connection: HttpConnection) => void;
}

// Every read of every connection goes here and is used up before the next one, so that none has to allocate.
const readBuffer = Buffer.allocUnsafe(64 * 1024);

/** Below the 30 s at which common servers close idle connections, so that a reused one is rarely closed under us. */
const idleMs = 25_000;

/** One connection to a provider, for one request at a time. */
export class HttpConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  #listener: ExchangeListener | undefined;
  #parser: ResponseParser | undefined;
  #error: Error | undefined;
  #connected = false;
  /** The response under way is; found out in the middle of a read. */
  #complete = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = this.#open(options);
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setTimeout(options.connectTimeoutMs);
    socket.on("timeout", () => this.#onTimeout());
    socket.once(options.origin.protocol === "https:" ? "secureConnect" : "connect", () => {
      this.#connected = true;
      socket.setTimeout(0);
      this.#listener?.onConnect();
    });
    socket.on("error", (error) => (this.#error ??= error));
    socket.on("end", () => this.#onEnd());
    socket.once("close", () => this.#onClose());
  }

  /** Sends a request; its response goes to the listener. Only when no other one is under way. */
  request(head: string, body: string | Uint8Array | undefined, listener: ExchangeListener): void {
    this.#listener = listener;
    this.#parser = new ResponseParser({
      onHead: (response) => listener.onHead(response),
      onData: (bytes) => listener.onData(bytes),
      onEnd: () => (this.#complete = true),
    });
    const socket = this.#socket;
    if (this.#connected) socket.setTimeout(0);
    socket.ref();
    socket.cork();
    socket.write(head, "latin1");
    if (body !== undefined && body.length > 0) socket.write(body);
    socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  #open({ origin, ca }: ConnectionOptions): Socket {
    const host = origin.hostname.replace(/^\[|\]$/g, "");
    const isSecure = origin.protocol === "https:";
    const onread = {
      buffer: readBuffer,
      callback: (length: number): boolean => {
        this.#onBytes(readBuffer.subarray(0, length));
        return true;
      },
    };
    const port = Number(origin.port || (isSecure ? 443 : 80));
    if (!isSecure) return connectPlain({ host, port, onread });
    const isName = !/^[\d.]+$|:/.test(host);
    const options = { host, port, onread, ALPNProtocols: ["http/1.1"], ...(isName && { servername: host }) };
    return connectSecurely(ca === undefined ? options : { ...options, ca });
  }

  #onBytes(bytes: Buffer): void {
    if (this.#parser === undefined || this.#listener === undefined) {
      // Nobody asked for anything.
      this.#socket.destroy();
      return;
    }
    try {
      this.#parser.push(bytes);
      if (this.#complete) this.#finish(this.#parser.reusable);
    } catch (error) {
      // What follows a complete answer is wrong, but does not make it less complete.
      if (this.#complete) this.#finish(false);
      else this.destroy(error as Error);
    }
  }

  #finish(reusable: boolean): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#parser = undefined;
    this.#complete = false;
    if (!reusable || this.#socket.destroyed) this.#socket.destroy();
    listener?.onEnd();
    if (this.#socket.destroyed) return;
    this.#socket.resume();
    this.#socket.setTimeout(idleMs);
    this.#socket.unref();
    this.#options.onIdle(this);
  }

  #onEnd(): void {
    if (this.#parser?.close() === true) this.#finish(false);
    this.#socket.destroy();
  }

  #onTimeout(): void {
    this.destroy(Object.assign(new Error("no connection in time"), { code: "CONNECT_TIMEOUT" }));
  }

  #onClose(): void {
    this.#options.onClosed(this);
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) return;
    const error = this.#error ?? Object.assign(new Error("the connection was closed"), { code: "CLOSED" });
    listener.onFailure(error, this.#parser?.hasBegun !== true);
  }
}

/** The head of a request as it is sent. @throws HeadraceError `invalid-request` - a header cannot be sent. */
export function writeRequestHead(
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>>,
  length: number | undefined,
): string {
  let head = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new HeadraceError("invalid-request", `the header ${JSON.stringify(name.slice(0, 64))} cannot be sent`);
    }
    head += `${name}: ${value}\r\n`;
  }
  if (length !== undefined) head += `content-length: ${length}\r\n`;
  return `${head}\r\n`;
}
