import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { ChunkWriter } from "./gemini-writer.ts";
import type { AnswerWriter, WriteOptions } from "./protocol.ts";

/**
 * Joins the chunks of an answer to the one that it would have been without a stream, with all that an `Answer` has no
 * place for: safety ratings, where Google found what it says, details of the usage.
 */
export function createAnswerWriter(options: WriteOptions): AnswerWriter {
  return new JoinedChunks(options);
}

class JoinedChunks implements AnswerWriter {
  readonly #writer: ChunkWriter;
  #body: JsonObject = { candidates: [] };

  constructor(options: WriteOptions) {
    this.#writer = new ChunkWriter(options);
  }

  add(event: StreamEvent): void {
    for (const chunk of this.#writer.writeChunks(event)) this.#join(JSON.parse(chunk) as JsonObject);
  }

  body(): JsonObject {
    if (this.#body["error"] === undefined) return this.#body;
    throw new HeadraceError("interrupted-tool-call", "the arguments of a function call broke off");
  }

  #join({ candidates, ...rest }: JsonObject): void {
    // What is said twice holds as it was said last; only candidates grow.
    this.#body = { ...this.#body, ...rest };
    const all = this.#body["candidates"] as JsonObject[];
    for (const [position, candidate] of (Array.isArray(candidates) ? candidates : []).entries()) {
      if (!isJsonObject(candidate)) continue;
      const index = candidate["index"] ?? position;
      const known = all.findIndex((one, at) => (one["index"] ?? at) === index);
      if (known === -1) all.push(candidate);
      else all[known] = joinCandidates(all[known] as JsonObject, candidate);
    }
  }
}

function joinCandidates(one: JsonObject, next: JsonObject): JsonObject {
  const joined: JsonObject = { ...one, ...next };
  const { content, logprobsResult } = one;
  if (isJsonObject(content)) {
    const added = isJsonObject(next["content"]) ? next["content"] : {};
    joined["content"] = { ...content, ...added, parts: joinParts(listOf(content["parts"]), listOf(added["parts"])) };
  }
  if (isJsonObject(logprobsResult) && isJsonObject(next["logprobsResult"])) {
    joined["logprobsResult"] = joinLists(logprobsResult, next["logprobsResult"]);
  }
  return joined;
}

function joinParts(parts: readonly Json[], added: readonly Json[]): Json[] {
  const joined = [...parts];
  for (const part of added) {
    const last = joined.at(-1);
    const isEmpty = isPlain(part) && part.text === "";
    if (isPlain(part) && isPlain(last) && part.thought === last.thought) {
      joined[joined.length - 1] = { ...last, text: last.text + part.text };
    } else if (!isEmpty || joined.length === 0) joined.push(part);
  }
  return joined;
}

/** Nothing but text, or a thought. */
function isPlain(part: Json | undefined): part is { text: string; thought?: boolean } {
  if (!isJsonObject(part) || typeof part["text"] !== "string") return false;
  return Object.keys(part).every((key) => key === "text" || key === "thought");
}

function joinLists(one: JsonObject, next: JsonObject): JsonObject {
  const joined: JsonObject = { ...one, ...next };
  for (const [key, value] of Object.entries(one)) {
    const more = next[key];
    if (Array.isArray(value) && Array.isArray(more)) joined[key] = [...value, ...more];
  }
  return joined;
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
