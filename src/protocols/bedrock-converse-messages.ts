import type { CacheHint, Message, Part } from "../core/request.ts";
import { mediaKinds, readMedia } from "./bedrock-converse-media.ts";
import { readRedacted } from "./bedrock-converse-reasoning.ts";
import type { BodyFields } from "./body-fields.ts";
import { openSignature } from "./signatures.ts";

const roles = ["user", "assistant", "system"] as const;

/** One message of the body is one of ours, so that unchanged ones can be sent on as they came. */
export function readMessage(fields: BodyFields): Message {
  const role = fields.oneOf("role", roles) ?? fields.fail("role", `one of ${roles.join(", ")}`);
  const blocks = fields.objects("content") ?? fields.fail("content", "a list of blocks");
  const content = readBlocks(blocks);
  const isResults = content.length > 0 && content.every(({ type }) => type === "tool-result");
  return { role: role === "user" && isResults ? "tool" : role, content };
}

/** A cache point belongs to the part before it. */
export function readBlocks(blocks: readonly BodyFields[]): Part[] {
  const parts: Part[] = [];
  for (const block of blocks) {
    const cache = readCachePoint(block);
    const last = parts.at(-1);
    if (cache === undefined) parts.push(readBlock(block));
    else if (last !== undefined && isCacheable(last)) last.cache = cache;
  }
  return parts;
}

type CacheablePart = Extract<Part, { type: "text" | "image" | "file" | "tool-result" }>;

export function isCacheable(part: Part): part is CacheablePart {
  return part.type === "text" || part.type === "image" || part.type === "file" || part.type === "tool-result";
}

/** Undefined when the block is none. */
export function readCachePoint(block: BodyFields): CacheHint | undefined {
  const point = block.object("cachePoint");
  if (point === undefined) return undefined;
  const ttl = point.string("ttl");
  return ttl === undefined ? {} : { ttl };
}

function readBlock(block: BodyFields): Part {
  const text = block.string("text");
  if (text !== undefined) return { type: "text", text };
  for (const kind of mediaKinds) {
    const media = block.object(kind);
    if (media !== undefined) return readMedia(kind, media);
  }
  const call = block.object("toolUse");
  if (call !== undefined) {
    return {
      type: "tool-call",
      callId: call.requiredString("toolUseId"),
      name: call.requiredString("name"),
      argumentsText: JSON.stringify(call.value("input") ?? {}),
      kind: "function",
    };
  }
  const result = block.object("toolResult");
  if (result !== undefined) return readToolResult(result);
  const reasoning = block.object("reasoningContent");
  if (reasoning !== undefined) return readReasoning(reasoning);
  const cited = block.object("citationsContent");
  if (cited !== undefined) return { type: "text", text: textsOf(cited.objects("content") ?? []) };
  const guarded = block.object("guardContent")?.object("text");
  if (guarded !== undefined) return { type: "text", text: guarded.requiredString("text") };
  const [kind = "nothing"] = Object.keys(block.body);
  // New kinds of blocks appear more often than releases of ours; the provider may well know them.
  return { type: "untranslatable", what: `a content block of type ${kind.slice(0, 40)}` };
}

function readToolResult(result: BodyFields): Part {
  const content = (result.objects("content") ?? []).map((part): Part => {
    const json = part.value("json");
    return json === undefined ? readBlock(part) : { type: "text", text: JSON.stringify(json) };
  });
  const isError = result.oneOf("status", ["success", "error"]) === "error";
  return { type: "tool-result", callId: result.requiredString("toolUseId"), content, ...(isError && { isError }) };
}

function readReasoning(reasoning: BodyFields): Part {
  const redacted = reasoning.string("redactedContent");
  if (redacted !== undefined) return { type: "reasoning", text: "", ...readRedacted(redacted), redacted: true };
  const thought = reasoning.requiredObject("reasoningText");
  const text = thought.requiredString("text");
  const signature = thought.string("signature");
  return { type: "reasoning", text, ...(signature !== undefined && openSignature(signature, "bedrock-converse")) };
}

function textsOf(parts: readonly BodyFields[]): string {
  return parts.map((part) => part.string("text") ?? "").join("");
}
