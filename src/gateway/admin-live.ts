import type { TraceSummary } from "../records/trace.ts";
import { Places } from "../streams/places.ts";
import { ownerSeenBy } from "./access.ts";
import { recordsOf } from "./admin.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";

const maxFeeds = 64;
/** One key cannot take them all. */
const maxFeedsPerOwner = 16;
/** Frames that may wait for a slow reader before changes are held back. */
const roomInFrames = 64;
/** Streams whose news may wait for it; beyond them the oldest news are given up. */
const maxWaiting = 1_000;

/** `GET /admin/live`: an event `stream` for each stream that begins, changes or ends. */
export function liveTraces(app: AppOptions) {
  const places = new Places({ inAll: maxFeeds, perOwner: maxFeedsPerOwner, what: "live views" });
  return (c: GatewayContext): Response => {
    const records = recordsOf(app);
    const giveBack = places.take(c.var.owner);
    const feed = new Feed();
    const stopBeating = app.clock.every(app.heartbeatMs, () => feed.beat());
    const stopWatching = records.watch(ownerSeenBy(c), (summary) => feed.take(summary));
    // Of a client that has gone, only a write tells; until the next heartbeat it would keep its place.
    c.env.connection?.().onHalfClose(() => feed.beat());
    const body = feed.open(() => {
      giveBack();
      stopBeating();
      stopWatching();
    });
    return c.body(body, 200, {
      ...c.var.headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  };
}

/** What one reader has yet to see. A slow one misses changes in between, and when it is very slow, whole streams. */
class Feed {
  readonly #waiting = new Map<string, TraceSummary>();
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;

  open(onClose: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#write(": headrace\n\n");
        },
        pull: () => this.#send(),
        cancel: () => {
          this.#controller = undefined;
          onClose();
        },
      },
      { highWaterMark: roomInFrames },
    );
  }

  take(summary: TraceSummary): void {
    this.#waiting.set(summary.id, summary);
    if (this.#waiting.size > maxWaiting) this.#waiting.delete(this.#waiting.keys().next().value as string);
    this.#send();
  }

  beat(): void {
    if (this.#hasRoom) this.#write(": heartbeat\n\n");
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #send(): void {
    for (const [id, summary] of this.#waiting) {
      if (!this.#hasRoom) return;
      this.#waiting.delete(id);
      this.#write(`event: stream\ndata: ${JSON.stringify(summary)}\n\n`);
    }
  }

  #write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }
}
