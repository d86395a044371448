import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { CacheHint, MediaSource, Message, Part } from "../core/request.ts";
import { toolUseId } from "./anthropic-messages-calls.ts";
import type { Warn } from "./protocol.ts";
import { invalidArguments, objectOfArguments } from "./tool-arguments.ts";

/** Messages for Anthropic: system text apart, user and assistant in turn. */
export interface WrittenMessages {
  system: JsonObject[];
  messages: JsonObject[];
}

/** What to do with a message: the block list of its own, or undefined to write it from its parts. */
export type KeptMessage = (message: Message) => JsonObject | undefined;

export function writeMessages(messages: readonly Message[], kept: KeptMessage, warn: Warn): WrittenMessages {
  const system: JsonObject[] = [];
  const written: JsonObject[] = [];
  messages.forEach((message, index) => {
    const asItCame = kept(message);
    if (asItCame !== undefined) {
      written.push(asItCame);
      return;
    }
    const path = `messages[${index}]`;
    if (message.name !== undefined) warn(`${path}.name: Anthropic has no names of speakers`);
    const blocks = writeParts(message.content, path, warn);
    const isSystem = message.role === "system" || message.role === "developer";
    if (isSystem && written.length === 0) system.push(...blocks);
    else if (isSystem) addInstruction(written, blocks, path, warn);
    else if (blocks.length > 0) add(written, message.role === "assistant" ? "assistant" : "user", blocks);
  });
  return { system, messages: written };
}

/** Only the newest models take instructions in between, so they are said by the user, marked as what they are. */
function addInstruction(written: JsonObject[], blocks: JsonObject[], path: string, warn: Warn): void {
  warn(`${path}: a system message in mid-conversation is sent as part of the user's, marked as an instruction`);
  const text = blocks.flatMap(({ text: own }) => (typeof own === "string" ? [own] : [])).join("\n");
  if (text !== "") add(written, "user", [{ type: "text", text: `<system>\n${text}\n</system>` }]);
}

/** Messages of the same role in a row are one; results come first in it, as Anthropic demands. */
function add(written: JsonObject[], role: "user" | "assistant", blocks: JsonObject[]): void {
  const last = written.at(-1);
  if (last?.["role"] !== role) {
    written.push({ role, content: resultsFirst(blocks) });
    return;
  }
  const before = last["content"];
  const blocksBefore = typeof before === "string" ? [{ type: "text", text: before }] : (before as JsonObject[]);
  written[written.length - 1] = { ...last, content: resultsFirst([...blocksBefore, ...blocks]) };
}

function resultsFirst(blocks: JsonObject[]): JsonObject[] {
  const results = blocks.filter(({ type }) => type === "tool_result");
  return results.length === 0 ? blocks : [...results, ...blocks.filter(({ type }) => type !== "tool_result")];
}

export function writeParts(parts: readonly Part[], path: string, warn: Warn): JsonObject[] {
  return parts.flatMap((part) => {
    const block = writePart(part, path, warn);
    if (block === undefined) return [];
    const cache = "cache" in part ? part.cache : undefined;
    return [cache === undefined ? block : { ...block, cache_control: writeCache(cache) }];
  });
}

export function writeCache({ ttl }: CacheHint): JsonObject {
  return { type: "ephemeral", ...(ttl !== undefined && { ttl }) };
}

function writePart(part: Part, path: string, warn: Warn): JsonObject | undefined {
  switch (part.type) {
    case "text":
    case "refusal":
      // Empty text is refused.
      return part.text.trim() === "" ? undefined : { type: "text", text: part.text };
    case "image": {
      if (part.detail !== undefined && part.detail !== "auto") warn(`${path}: Anthropic has no detail of images`);
      return { type: "image", source: writeSource(part.source) };
    }
    case "file":
      return writeFile(part, path);
    case "audio":
      throw new HeadraceError(
        "invalid-request",
        `\`${path}\` has a sound in it, which Anthropic's models cannot hear`,
        {
          param: path,
        },
      );
    case "reasoning":
      return writeReasoning(part, path, warn);
    case "tool-call": {
      const { callId, name, kind, argumentsText } = part;
      const input = objectOfArguments(kind, argumentsText) ?? invalidArguments(argumentsText);
      return { type: "tool_use", id: toolUseId(callId), name, input };
    }
    case "tool-result": {
      const { callId, content, isError } = part;
      const blocks = writeParts(content, path, warn);
      return {
        type: "tool_result",
        tool_use_id: toolUseId(callId),
        ...(blocks.length > 0 && { content: blocks }),
        ...(isError === true && { is_error: true }),
      };
    }
    case "untranslatable":
      warn(`${path}: ${part.what} cannot be said to Anthropic and is left out`);
      return undefined;
  }
}

/** Reasoning that another vendor signed, or nobody, would be refused. */
function writeReasoning(part: Extract<Part, { type: "reasoning" }>, path: string, warn: Warn): JsonObject | undefined {
  const { text, signature, from, redacted } = part;
  if (signature === undefined || from !== "anthropic-messages") {
    warn(`${path}: reasoning that Anthropic did not sign is left out`);
    return undefined;
  }
  return redacted === true
    ? { type: "redacted_thinking", data: signature }
    : { type: "thinking", thinking: text, signature };
}

function writeSource(source: MediaSource): JsonObject {
  if (source.kind === "url") return { type: "url", url: source.url };
  if (source.kind === "file-id") return { type: "file", file_id: source.fileId };
  return { type: "base64", media_type: source.mediaType, data: source.data };
}

function writeFile({ source, name }: Extract<Part, { type: "file" }>, path: string): JsonObject {
  const title = name === undefined ? {} : { title: name };
  if (source.kind !== "base64" || source.mediaType === "application/pdf") {
    return { type: "document", source: writeSource(source), ...title };
  }
  if (source.mediaType.startsWith("image/")) return { type: "image", source: writeSource(source) };
  if (/^(text\/|application\/(json|xml))/.test(source.mediaType)) {
    const bytes = Uint8Array.from(atob(source.data), (character) => character.charCodeAt(0));
    const data = new TextDecoder().decode(bytes);
    return { type: "document", source: { type: "text", media_type: "text/plain", data }, ...title };
  }
  throw new HeadraceError(
    "invalid-request",
    `\`${path}\` has a file of type ${source.mediaType.slice(0, 60)}; Anthropic's models read PDF, text and images`,
    { param: path },
  );
}
