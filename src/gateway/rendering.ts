import type { Seam } from "../core/events.ts";
import { writeCursor } from "../log/cursor.ts";
import type { Protocol, WriteOptions } from "../protocols/protocol.ts";
import { frameWithId } from "../protocols/sse.ts";
import type { Rendering } from "../streams/broadcast.ts";

/** How frames become bytes; `name` tells two encodings apart. */
export interface FrameEncoding {
  name: string;
  encode(frame: string | Uint8Array): Uint8Array;
}

/** What may stand between frames without meaning anything: a comment, or the space before a JSON value. */
const heartbeats: Partial<Record<Protocol["framing"], string>> = { sse: ": heartbeat\n\n", ndjson: " " };

/** For people who look at the bytes: comments are skipped by every client. */
function seamComment({ fromAttempt, toAttempt, rung, overlap, confidence }: Seam): string {
  return `: seam from=${fromAttempt} to=${toAttempt} rung=${rung} overlap=${overlap} confidence=${confidence}\n\n`;
}

/** How a stream's entries become bytes in a protocol. With SSE each frame carries the cursor to resume from. */
export function createRendering(protocol: Protocol, options: WriteOptions, { name, encode }: FrameEncoding): Rendering {
  const isSse = protocol.framing === "sse";
  const hasIds = isSse && protocol.eventIds !== false;
  const encodeFrame = (frame: string): Uint8Array => encode(protocol.encodeFrame?.(frame) ?? frame);
  const rendering: Rendering = {
    key: `${protocol.name} ${protocol.framing} ${options.includeUsage === true ? "usage" : ""} ${options.replay === true ? "replay" : ""} ${name}`,
    tellsFailures: protocol.framing !== "text",
    createWriter() {
      const writer = protocol.createEventWriter(options);
      const idPrefix = `${options.streamId}:`;
      return ({ epoch, seq, event }) => {
        const frames = writer.write(event);
        const last = frames.length - 1;
        // The common case first: it runs for every token.
        if (last === 0 && hasIds) return [encode(frameWithId(frames[0] as string, `${idPrefix}${epoch}-${seq}`))];
        if (last === -1 && event.type === "seam" && isSse) return [encode(seamComment(event))];
        if (!hasIds) return frames.map(encodeFrame);
        return frames.map((frame, index) => {
          const inside = index === last ? undefined : { protocol: protocol.name, frames: index + 1 };
          return encode(frameWithId(frame, idPrefix + writeCursor({ epoch, seq, ...(inside && { inside }) })));
        });
      };
    },
  };
  const heartbeat = heartbeats[protocol.framing];
  if (heartbeat !== undefined) rendering.heartbeat = encode(heartbeat);
  return rendering;
}
