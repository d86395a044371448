import type { FrameEncoding } from "../../src/gateway/rendering.ts";
import { createRendering } from "../../src/gateway/rendering.ts";
import { readEventId } from "../../src/gateway/resume.ts";
import type { StreamLog } from "../../src/log/stream-log.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";
import type { Reader, Sink } from "../../src/streams/broadcast.ts";
import type { Position } from "../../src/streams/follow.ts";
import { beginning, positionAfter } from "../../src/streams/follow.ts";
import type { Streams } from "../../src/streams/streams.ts";
import type { VirtualClock } from "../../src/testing.ts";
import type { ReaderPlan } from "./plan.ts";

const utf8 = new TextEncoder();
const decoder = new TextDecoder();
export const encoding: FrameEncoding = {
  name: "plain",
  encode: (frame) => (typeof frame === "string" ? utf8.encode(frame) : frame),
};

const heartbeat = ": heartbeat\n\n";

export interface ReaderParts {
  clock: VirtualClock;
  streams: Streams;
  log: StreamLog;
  streamId: string;
  protocol: Protocol;
  plan: ReaderPlan;
  note: (what: string) => void;
}

/** What one connection of a reader brought. */
export interface Visit {
  /** The event id behind which it began; undefined at the beginning. */
  after: string | undefined;
  text: string;
  /** After each write: how much of `text` there was, and how many entries were committed. */
  writes: { length: number; committed: number }[];
  /** How the server ended it; undefined when the reader left. */
  ended?: "whole" | "broken";
  /** It was given more after it had said that it has enough. */
  overfed: boolean;
}

/** A client that leaves and comes back with the last event id it has, slow or quick, on the virtual clock. */
export class SimulatedReader {
  readonly visits: Visit[] = [];
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Resolves when it has read to the end, or left for good. */
  async run(): Promise<void> {
    const { clock, plan } = this.#parts;
    await clock.sleep(plan.startsAt);
    for (const { stayMs, awayMs } of plan.visits) {
      if ((await this.#visit(stayMs)) === "over") return;
      await clock.sleep(awayMs);
    }
    if (!plan.leaves) await this.#visit(undefined);
  }

  async #visit(stayMs: number | undefined): Promise<"left" | "over"> {
    const { clock, log, streamId, protocol, note } = this.#parts;
    const after = protocol.eventIds === false ? undefined : this.#lastId();
    const position =
      after === undefined ? beginning : await positionAfter(log, streamId, readEventId(after).cursor, protocol.name);
    const info = await log.info(streamId);
    if (info?.closedAt !== undefined && position.seq >= info.entries) return "over";
    const visit: Visit = { after, text: "", writes: [], overfed: false };
    this.visits.push(visit);
    note(`comes after ${after?.split(":")[1] ?? "nothing"}`);
    const left = new AbortController();
    const over = Promise.withResolvers<"over">();
    const reader = this.#attach(visit, position, () => over.resolve("over"), left.signal);
    const result =
      stayMs === undefined
        ? await over.promise
        : await Promise.race([over.promise, clock.sleep(stayMs, { signal: left.signal }).then(() => "left" as const)]);
    left.abort();
    reader.leave();
    note(result === "over" ? `is told ${visit.ended}` : `leaves with ${visit.text.length}`);
    return result;
  }

  #attach(visit: Visit, position: Position, onEnd: () => void, gone: AbortSignal): Reader {
    const { clock, streams, streamId, protocol, plan, log } = this.#parts;
    const rendering = createRendering(protocol, { streamId, includeUsage: true }, encoding);
    let room = plan.slow?.bytes ?? Number.POSITIVE_INFINITY;
    const sink: Sink = {
      write: (bytes) => {
        if (gone.aborted) return true;
        if (room <= 0) visit.overfed = true;
        const text = decoder.decode(bytes);
        if (text === heartbeat) return true;
        visit.text += text;
        const write = { length: visit.text.length, committed: -1 };
        visit.writes.push(write);
        // The log is in memory: what is committed now is what the next turn reads.
        void log.info(streamId).then((info) => (write.committed = info?.entries ?? 0));
        room -= bytes.byteLength;
        if (room > 0) return true;
        clock.sleep(plan.slow?.restMs ?? 0, { signal: gone }).then(
          () => {
            room = plan.slow?.bytes ?? 0;
            reader.drained();
          },
          () => {},
        );
        return false;
      },
      end: (whole) => {
        visit.ended ??= whole ? "whole" : "broken";
        onEnd();
      },
    };
    const reader: Reader = streams.attach(streamId, rendering, sink, position);
    return reader;
  }

  /** Of the last frame that arrived whole. */
  #lastId(): string | undefined {
    for (const { text } of this.visits.toReversed()) {
      const whole = text.slice(0, text.lastIndexOf("\n\n") + 2);
      const id = whole.match(/^id: .*$/gm)?.at(-1);
      if (id !== undefined) return id.slice(4);
    }
    return undefined;
  }
}
