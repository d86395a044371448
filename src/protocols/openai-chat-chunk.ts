import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { FrameDifference } from "./frame-difference.ts";
import { isText } from "./json-values.ts";

/**
 * A chunk is taken apart into events (what it says) and a skeleton (the rest). In the skeleton a hole stands where a
 * value went into an event. Holes occur only where a string of any other kind would have been taken out as well.
 */
export const hole = "\uFFFC";

/** What the `extra` of an `openai-chat` event says. */
export interface ChunkExtra extends FrameDifference {
  /** The whole chunk, for the rare one that its events cannot be put back into. It leaves the skeleton as it is. */
  verbatim?: JsonObject;
}

/** Called for every place of a chunk, or of its skeleton, that may hold a step of the answer; always in the same order. */
export interface ChunkVisitor {
  beginChoice(choice: JsonObject, position: number): void;
  text(kind: TextKind, holder: JsonObject, key: string): void;
  toolCall(entry: JsonObject): void;
  functionCall(call: JsonObject): void;
  finish(choice: JsonObject): void;
  endChoice(choice: JsonObject): void;
  usage(usage: JsonObject): void;
}

export type TextKind = "text" | "reasoning" | "refusal";

export function visitChunk(chunk: JsonObject, visitor: ChunkVisitor): void {
  const choices = Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
  choices.forEach((choice, position) => {
    if (!isJsonObject(choice)) return;
    visitor.beginChoice(choice, position);
    const delta = choice["delta"];
    if (isJsonObject(delta)) visitDelta(delta, visitor);
    if (isText(choice["finish_reason"])) visitor.finish(choice);
    visitor.endChoice(choice);
  });
  const usage = findUsage(chunk, choices);
  if (usage !== undefined) visitor.usage(usage);
}

function visitDelta(delta: JsonObject, visitor: ChunkVisitor): void {
  // Two names for the same thing; a vendor that sends both sends the same text twice.
  if (isText(delta["reasoning_content"])) visitor.text("reasoning", delta, "reasoning_content");
  else if (isText(delta["reasoning"])) visitor.text("reasoning", delta, "reasoning");

  const content = delta["content"];
  if (isText(content)) visitor.text("text", delta, "content");
  else if (Array.isArray(content)) content.forEach((part) => visitPart(part, visitor));

  if (isText(delta["refusal"])) visitor.text("refusal", delta, "refusal");

  const calls = delta["tool_calls"];
  if (Array.isArray(calls)) {
    for (const entry of calls) if (isJsonObject(entry)) visitor.toolCall(entry);
  }
  if (isJsonObject(delta["function_call"])) visitor.functionCall(delta["function_call"]);
}

/** Mistral sends content as parts once it thinks. */
function visitPart(part: Json, visitor: ChunkVisitor): void {
  if (!isJsonObject(part)) return;
  if (part["type"] === "text" && isText(part["text"])) visitor.text("text", part, "text");
  if (part["type"] !== "thinking") return;
  const thinking = part["thinking"];
  if (isText(thinking)) visitor.text("reasoning", part, "thinking");
  if (!Array.isArray(thinking)) return;
  for (const inner of thinking) {
    if (isJsonObject(inner) && isText(inner["text"])) visitor.text("reasoning", inner, "text");
  }
}

/** Groq has put usage into its own object, Moonshot into the last choice. */
function findUsage(chunk: JsonObject, choices: Json[]): JsonObject | undefined {
  if (isJsonObject(chunk["usage"])) return chunk["usage"];
  const groq = chunk["x_groq"];
  if (isJsonObject(groq) && isJsonObject(groq["usage"])) return groq["usage"];
  const last = choices.at(-1);
  if (isJsonObject(last) && isJsonObject(last["usage"])) return last["usage"];
  return undefined;
}

/** Function arguments and custom input differ only in their names. */
export function callBody(entry: JsonObject): { body: JsonObject; key: "arguments" | "input" } | undefined {
  if (isJsonObject(entry["function"])) return { body: entry["function"], key: "arguments" };
  if (isJsonObject(entry["custom"])) return { body: entry["custom"], key: "input" };
  return undefined;
}
