import { isTerminal } from "../core/events.ts";
import { writeCursor } from "../log/cursor.ts";
import type { Protocol, WriteOptions } from "../protocols/protocol.ts";
import type { Reader, Rendering, Sink } from "../streams/broadcast.ts";
import type { Socket } from "./socket.ts";

const utf8 = new TextEncoder();
const lineEnd = 10;

/**
 * How a stream's entries become messages, but for the id of the request, which differs from reader to reader: each line
 * is a message without its beginning. JSON has no line ends of its own, so lines can be told apart after they were joined.
 *
 * @param protocol - in whose frames; undefined for our own events.
 */
export function createMessageRendering(protocol: Protocol | undefined, options: WriteOptions): Rendering {
  return {
    key: `websocket ${protocol?.name ?? ""} ${options.includeUsage === true ? "usage" : ""}`,
    tellsFailures: true,
    createWriter() {
      const writer = protocol?.createEventWriter(options);
      return ({ epoch, seq, event }) => {
        const steps =
          writer === undefined
            ? [{ type: "event", value: `"event":${JSON.stringify(event)}` }]
            : writer.write(event).map((frame) => ({ type: "frame", value: `"frame":${JSON.stringify(frame)}` }));
        if (isTerminal(event)) {
          const { outcome, error } = event;
          steps.push({ type: "done", value: JSON.stringify({ outcome, error }).slice(1, -1) });
        }
        const last = steps.length - 1;
        return steps.map(({ type, value }, index) => {
          const inside = index === last ? undefined : { protocol: protocol?.name ?? "events", frames: index + 1 };
          const cursor = writeCursor({ epoch, seq, ...(inside && { inside }) });
          return utf8.encode(`"type":"${type}","cursor":"${cursor}",${value}}\n`);
        });
      };
    },
  };
}

/** One request's answer on a socket that may carry others. */
export class Follower implements Sink {
  reader: Reader | undefined;
  readonly #socket: Socket;
  readonly #beginning: Uint8Array;
  readonly #onEnd: (whole: boolean) => void;

  /** @param onEnd - nothing more comes; `whole` when the client was told how it ended. */
  constructor(socket: Socket, id: string, onEnd: (whole: boolean) => void) {
    this.#socket = socket;
    this.#beginning = utf8.encode(`{"id":${JSON.stringify(id)},`);
    this.#onEnd = onEnd;
  }

  write(bytes: Uint8Array): boolean {
    let hasRoom = true;
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(lineEnd, start);
      const message = new Uint8Array(this.#beginning.length + end - start);
      message.set(this.#beginning);
      message.set(bytes.subarray(start, end), this.#beginning.length);
      hasRoom = this.#socket.send(message);
      start = end + 1;
    }
    return hasRoom;
  }

  end(whole: boolean): void {
    this.#onEnd(whole);
  }
}
