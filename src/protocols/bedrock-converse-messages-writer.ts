import type { JsonObject } from "../core/json.ts";
import type { CacheHint, Message, Part } from "../core/request.ts";
import { HeadraceError } from "../core/errors.ts";
import { writeMedia } from "./bedrock-converse-media.ts";
import { isCacheable } from "./bedrock-converse-messages.ts";
import { writeRedacted } from "./bedrock-converse-reasoning.ts";
import type { Warn } from "./protocol.ts";
import { invalidArguments, objectOfArguments } from "./tool-arguments.ts";

/** A message of the body. */
export interface WrittenMessage {
  role: "user" | "assistant";
  content: JsonObject[];
}

/** Writes messages of one request: ids and names have to be the same wherever they occur in it. */
export class MessageWriter {
  readonly #warn: Warn;
  readonly #callIds = new Map<string, string>();
  readonly #documentNames = new Set<string>();

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  write({ role, content, name }: Message): WrittenMessage {
    if (name !== undefined) this.#warn("messages: the names of those who speak were left out; Bedrock has none");
    const blocks = content.flatMap((part) => this.#part(part));
    return { role: role === "assistant" ? "assistant" : "user", content: blocks };
  }

  /** The blocks of the system prompt, which is beside the messages. */
  writeSystem(parts: readonly Part[]): JsonObject[] {
    return parts.flatMap((part) => {
      if (part.type === "text") return this.#part(part);
      throw new HeadraceError("invalid-request", "Bedrock takes nothing but text in system messages", {
        param: "messages",
      });
    });
  }

  #part(part: Part): JsonObject[] {
    const blocks = this.#blocks(part);
    const cache = isCacheable(part) ? part.cache : undefined;
    return cache === undefined || blocks.length === 0 ? blocks : [...blocks, cachePoint(cache)];
  }

  #blocks(part: Part): JsonObject[] {
    switch (part.type) {
      case "text":
      case "refusal":
        // Bedrock refuses blocks without a visible character.
        return part.text.trim() === "" ? [] : [{ text: part.text }];
      case "image":
      case "audio":
      case "file":
        return [writeMedia(part, part.type === "file" ? this.#documentName(part.name) : "")];
      case "reasoning":
        return this.#reasoning(part);
      case "tool-call":
        return [{ toolUse: this.#toolUse(part) }];
      case "tool-result": {
        const { callId, content, isError } = part;
        const written = content.flatMap((inner) => this.#blocks(inner));
        const toolResult = { toolUseId: this.#callId(callId), content: written, ...(isError && { status: "error" }) };
        return [{ toolResult }];
      }
      case "untranslatable":
        throw new HeadraceError("invalid-request", `Bedrock cannot be sent ${part.what}`, { param: "messages" });
    }
  }

  #reasoning({ text, signature, from, redacted }: Extract<Part, { type: "reasoning" }>): JsonObject[] {
    if (from !== "bedrock-converse" || signature === undefined) {
      this.#warn("messages: earlier reasoning was left out; only who signed it can read it");
      return [];
    }
    if (redacted === true) return [{ reasoningContent: { redactedContent: writeRedacted(signature, signature) } }];
    return [{ reasoningContent: { reasoningText: { text, signature } } }];
  }

  #toolUse(part: Extract<Part, { type: "tool-call" }>): JsonObject {
    const { callId, name, kind, argumentsText } = part;
    const input = objectOfArguments(kind, argumentsText);
    if (input === undefined) {
      this.#warn("messages: arguments of a tool call that are no JSON object were put into one, as `INVALID_JSON`");
    }
    return { toolUseId: this.#callId(callId), name, input: input ?? invalidArguments(argumentsText) };
  }

  /** Ids of calls are words of at most 64 characters; what is none gets a number. */
  #callId(callId: string): string {
    if (/^[A-Za-z0-9_-]{1,64}$/.test(callId)) return callId;
    let id = this.#callIds.get(callId);
    if (id === undefined) {
      id = `call_${this.#callIds.size}_${callId.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 48)}`;
      this.#callIds.set(callId, id);
    }
    return id;
  }

  /** Names of documents are plain words, and each may occur once. */
  #documentName(name = "document"): string {
    const plain =
      name
        .replace(/[^A-Za-z0-9()[\]-]+/g, " ")
        .trim()
        .slice(0, 180) || "document";
    let unique = plain;
    for (let number = 2; this.#documentNames.has(unique); number++) unique = `${plain} ${number}`;
    this.#documentNames.add(unique);
    return unique;
  }
}

export function cachePoint({ ttl }: CacheHint): JsonObject {
  return { cachePoint: { type: "default", ...(ttl !== undefined && { ttl }) } };
}

/** Roles have to alternate, and all results of one turn's calls have to be in one message. */
export function mergeTurns(messages: readonly WrittenMessage[]): WrittenMessage[] {
  const turns: WrittenMessage[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    if (last?.role === message.role)
      turns[turns.length - 1] = { ...last, content: [...last.content, ...message.content] };
    else if (message.content.length > 0) turns.push(message);
  }
  return turns;
}
