import { assertNever, HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { AppOptions } from "./app.ts";
import { parseJsonObject } from "./body.ts";
import type { Socket } from "./socket.ts";
import { closeCodes } from "./socket.ts";
import { createMessageRendering, Follower } from "./websocket-follower.ts";
import type { ClientMessage, FollowMessage, ServerMessage, StartMessage } from "./websocket-messages.ts";
import { idOf, readClientMessage } from "./websocket-messages.ts";
import type { Attachment } from "./websocket-requests.ts";
import { findStream, startStream } from "./websocket-requests.ts";

/** Replies that a client does not read; above it the socket is closed. */
const maxUnreadBytes = 1024 * 1024;
/** Rounds of the ping clock without a sign of life after which a client is taken for gone. */
const maxSilentRounds = 2;

interface Request {
  follower: Follower;
  /** Known once the stream is. */
  stream?: string;
  /** The client wanted it stopped before it had begun. */
  cancelled?: true;
}

/** What one client and we say to each other. */
export class WebSocketSession {
  readonly #app: AppOptions;
  readonly #socket: Socket;
  readonly #owner: string;
  readonly #requestId: string;
  readonly #requests = new Map<string, Request>();
  #silentRounds = 0;
  #closed = false;
  #draining = false;

  constructor(app: AppOptions, socket: Socket, { owner, requestId }: { owner: string; requestId: string }) {
    this.#app = app;
    this.#socket = socket;
    this.#owner = owner;
    this.#requestId = requestId;
    socket.onMessage((text) => this.#receive(text));
    socket.onPong(() => (this.#silentRounds = 0));
    socket.onDrain(() => {
      for (const { follower } of this.#requests.values()) follower.reader?.drained();
    });
    socket.onClose(() => this.#leave());
  }

  /** A round of the ping clock. */
  beat(): void {
    if (this.#silentRounds >= maxSilentRounds) {
      this.close(closeCodes.policy, "no answer to our pings");
      return;
    }
    this.#silentRounds++;
    this.#socket.ping();
  }

  /** Closes as soon as every answer that is under way was told. */
  drain(): void {
    this.#draining = true;
    this.#closeIfDrained();
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#socket.close(code, reason);
    this.#leave();
  }

  #receive(text: string | undefined): void {
    this.#silentRounds = 0;
    if (this.#closed) return;
    if (text === undefined) {
      this.close(closeCodes.unsupported, "messages are JSON texts");
      return;
    }
    let id: string | undefined;
    try {
      const json = parseJsonObject(text, this.#app.bodyDepth, "the message");
      id = idOf(json);
      const message = readClientMessage(json);
      this.#handle(message).catch((error: unknown) => this.#fail(id, error));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  async #handle(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case "start":
      case "follow":
        return this.#open(message);
      case "cancel":
        return this.#cancel(this.#requestNamed(message.id));
      case "leave":
        return this.#forget(message.id);
      case "ping":
        return this.#say({ type: "pong", ...(message.id !== undefined && { id: message.id }) });
      default:
        return assertNever(message);
    }
  }

  async #open(message: StartMessage | FollowMessage): Promise<void> {
    const { id } = message;
    if (this.#requests.has(id)) throw invalid("id", "a request of this id is still under way on this socket");
    const { streamsPerSocket } = this.#app;
    if (this.#requests.size >= streamsPerSocket) {
      throw new HeadraceError("rate-limited", `this socket follows ${streamsPerSocket} streams, which is its limit`);
    }
    const follower = new Follower(this.#socket, id, (whole) => this.#onEnd(id, whole));
    const request: Request = { follower };
    this.#requests.set(id, request);
    try {
      const attachment =
        message.type === "start"
          ? await startStream(this.#app, this.#owner, message)
          : await findStream(this.#app, this.#owner, message);
      this.#attach(id, request, attachment, message.type === "start" ? "started" : "following");
    } catch (error) {
      if (this.#requests.get(id) === request) this.#requests.delete(id);
      this.#closeIfDrained();
      throw error;
    }
  }

  #attach(id: string, request: Request, attachment: Attachment, type: "started" | "following"): void {
    const { streams } = this.#app;
    const { streamId, protocol, position, includeUsage } = attachment;
    if (this.#requests.get(id) !== request) {
      // The client left meanwhile, and perhaps it was the only one.
      streams.retain(streamId)();
      return;
    }
    request.stream = streamId;
    this.#say({ type, id, stream: streamId });
    const rendering = createMessageRendering(protocol, { streamId, includeUsage });
    const release = streams.admit(streamId);
    const reader = streams.attach(streamId, rendering, request.follower, position);
    release();
    request.follower.reader = reader;
    if (this.#requests.get(id) !== request) reader.leave();
    else if (request.cancelled === true) void streams.stop(streamId);
  }

  async #cancel(request: Request): Promise<void> {
    if (request.stream === undefined) request.cancelled = true;
    else await this.#app.streams.stop(request.stream);
  }

  #requestNamed(id: string): Request {
    const request = this.#requests.get(id);
    if (request !== undefined) return request;
    throw invalid("id", "no request of this id is under way on this socket");
  }

  #forget(id: string): void {
    const { follower } = this.#requestNamed(id);
    this.#requests.delete(id);
    follower.reader?.leave();
    this.#closeIfDrained();
  }

  /** An answer was told to its end, or can be told no further. */
  #onEnd(id: string, whole: boolean): void {
    if (!this.#requests.delete(id) || this.#closed) return;
    if (!whole && this.#socket.isFull()) {
      this.close(closeCodes.policy, "the answer is read too slowly; follow it from the last cursor");
      return;
    }
    if (!whole) {
      const message = "the stream can be read no further here; follow it from the last cursor";
      this.#fail(id, new HeadraceError("stream-interrupted", message));
    }
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.#draining && this.#requests.size === 0) this.close(closeCodes.restart, "the gateway is restarting");
  }

  #fail(id: string | undefined, thrown: unknown): void {
    const error = toHeadraceError(thrown);
    if (error.status >= 500) this.#app.report(error, this.#requestId);
    this.#say({ type: "error", ...(id !== undefined && { id }), error: error.report() });
  }

  #say(message: ServerMessage): void {
    if (this.#closed) return;
    if (this.#socket.bufferedBytes() > maxUnreadBytes) this.close(closeCodes.policy, "our messages are not read");
    else this.#socket.send(JSON.stringify(message));
  }

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { follower } of requests) follower.reader?.leave();
  }
}

function invalid(param: string, message: string): HeadraceError {
  return new HeadraceError("invalid-request", message, { param });
}
