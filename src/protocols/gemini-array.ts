import type { StreamEvent } from "../core/events.ts";
import { ChunkWriter } from "./gemini-writer.ts";
import { gemini } from "./gemini.ts";
import type { EventWriter, Protocol, WriteOptions } from "./protocol.ts";

/** As `gemini`, for callers who did not ask for server-sent events: the chunks are the elements of one JSON list. */
export const geminiArray: Protocol = {
  ...gemini,
  framing: "ndjson",
  contentType: "application/json",
  createEventWriter: (options) => new ListWriter(options),
};

class ListWriter implements EventWriter {
  readonly #chunks: ChunkWriter;
  #isEmpty = true;

  constructor(options: WriteOptions) {
    this.#chunks = new ChunkWriter(options);
  }

  write(event: StreamEvent): string[] {
    const frames = this.#chunks.writeChunks(event).map((json) => this.#element(json));
    if (event.type === "stream-end") frames.push(this.#isEmpty ? "[]\n" : "\n]\n");
    return frames;
  }

  #element(json: string): string {
    const isFirst = this.#isEmpty;
    this.#isEmpty = false;
    return isFirst ? `[${json}` : `,\n${json}`;
  }
}
