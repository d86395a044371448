import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { RawConnection } from "../gateway/environment.ts";

const lastChunk = Buffer.from("0\r\n\r\n");

/** How long the reset that answers a write to a closed connection may take to arrive. */
const secondProbeMs = 50;

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
  protected readonly socket: Socket;
  /** What has to be taken off the socket, which may serve another request afterwards. */
  readonly #cleanUp: (() => void)[] = [];

  constructor(response: ServerResponse) {
    this.response = response;
    this.socket = response.req.socket;
    response.once("close", () => {
      for (const cleanUp of this.#cleanUp) cleanUp();
    });
  }

  encode(frame: string | Uint8Array): Uint8Array {
    return typeof frame === "string" ? Buffer.from(frame) : frame;
  }

  open(status: number, headers: Record<string, string>): void {
    const { response, socket } = this;
    response.writeHead(status, headers);
    // What there is to send already is sent with the head, in one write.
    const isOurs = response.socket === socket;
    if (isOurs) socket.cork();
    response.flushHeaders();
    if (isOurs) process.nextTick(() => socket.uncork());
  }

  write(bytes: Uint8Array): boolean {
    const { socket, response } = this;
    if (socket.destroyed) return true;
    // Behind a pipelined request the socket is not ours yet; the response keeps the bytes until it is.
    return response.socket === socket ? socket.write(bytes) : response.write(bytes);
  }

  end(whole: boolean): void {
    if (whole) {
      this.response.end();
      return;
    }
    // What was said before the cut still goes out.
    this.socket.uncork();
    this.response.destroy();
  }

  onDrain(listener: () => void): void {
    this.#listen("drain", listener);
  }

  onClose(listener: () => void): void {
    // A client may leave while its request is still being looked at.
    if (this.response.closed) process.nextTick(listener);
    else this.response.once("close", listener);
  }

  onHalfClose(listener: () => void): void {
    const onEnd = (): void => {
      listener();
      const timer = setTimeout(listener, secondProbeMs);
      this.#cleanUp.push(() => clearTimeout(timer));
    };
    if (this.socket.readableEnded) process.nextTick(onEnd);
    else this.#listen("end", onEnd);
  }

  #listen(event: "drain" | "end", listener: () => void): void {
    this.socket.on(event, listener);
    this.#cleanUp.push(() => this.socket.off(event, listener));
  }
}

class ChunkedConnection extends ClosingConnection {
  override readonly encoding = "chunked";

  override encode(frame: string | Uint8Array): Uint8Array {
    if (typeof frame !== "string") {
      return Buffer.concat([Buffer.from(`${frame.byteLength.toString(16)}\r\n`), frame, Buffer.from("\r\n")]);
    }
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
