import type { Citation } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { chunkFrame } from "./ui-message-stream-chunk.ts";

/** The sources of an answer: each is shown once, however often it is cited. */
export class Sources {
  readonly #known = new Map<string, JsonObject>();

  add({ url, title, documentIndex }: Citation): { source: JsonObject; frames: string[] } {
    const key = url ?? `document ${documentIndex ?? ""} ${title ?? ""}`;
    const known = this.#known.get(key);
    if (known !== undefined) return { source: known, frames: [] };
    const id = `source-${this.#known.size}`;
    if (url !== undefined) {
      const source: JsonObject = { type: "source", sourceType: "url", id, url, title };
      this.#known.set(key, source);
      return { source, frames: [chunkFrame({ type: "source-url", sourceId: id, url, title })] };
    }
    // A media type is required, and nobody told us which.
    const document = { mediaType: "text/plain", title: title ?? `document ${(documentIndex ?? 0) + 1}` };
    const source: JsonObject = { type: "source", sourceType: "document", id, ...document };
    this.#known.set(key, source);
    return { source, frames: [chunkFrame({ type: "source-document", sourceId: id, ...document })] };
  }
}
