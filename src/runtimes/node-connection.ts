import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { RawConnection } from "../gateway/environment.ts";

const lastChunk = Buffer.from("0\r\n\r\n");

/**
 * A response of `node:http` whose body we frame and write ourselves: one buffer and one write per event. Node's own
 * chunked encoding would make three writes of it, and a web stream costs several times that.
 */
export function nodeConnection(response: ServerResponse): RawConnection {
  return response.req.httpVersionMinor >= 1 ? new ChunkedConnection(response) : new ClosingConnection(response);
}

/** For HTTP/1.0, which knows no chunks: the body ends with the connection. */
class ClosingConnection implements RawConnection {
  readonly encoding: string = "plain";
  protected readonly response: ServerResponse;
  /** Kept, because a finished response no longer knows it. */
  protected socket: Socket | null = null;
  #onDrain: (() => void) | undefined;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  encode(frame: string): Uint8Array {
    return Buffer.from(frame);
  }

  open(status: number, headers: Record<string, string>): void {
    this.response.writeHead(status, headers);
    this.response.flushHeaders();
    this.socket = this.response.socket;
    this.socket?.setNoDelay(true);
  }

  write(bytes: Uint8Array): boolean {
    const { socket, response } = this;
    if (socket === null || socket.destroyed) return true;
    // Behind a pipelined request the socket is not ours yet; the response keeps the bytes until it is.
    return response.socket === socket ? socket.write(bytes) : response.write(bytes);
  }

  end(whole: boolean): void {
    if (this.#onDrain !== undefined) this.socket?.off("drain", this.#onDrain);
    if (whole) this.response.end();
    else this.response.destroy();
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
    this.socket?.on("drain", listener);
  }

  onClose(listener: () => void): void {
    this.response.once("close", listener);
  }
}

class ChunkedConnection extends ClosingConnection {
  override readonly encoding = "chunked";

  override encode(frame: string): Uint8Array {
    return Buffer.from(`${Buffer.byteLength(frame).toString(16)}\r\n${frame}\r\n`);
  }

  override open(status: number, headers: Record<string, string>): void {
    super.open(status, { ...headers, "transfer-encoding": "chunked" });
    // The header says chunked, and the chunks are ours: Node must not frame them again.
    this.response.chunkedEncoding = false;
  }

  override end(whole: boolean): void {
    if (whole) this.write(lastChunk);
    super.end(whole);
  }
}
