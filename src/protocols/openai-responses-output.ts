import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/** Which step of an answer a piece of text is. */
export type TextStep = "text" | "reasoning" | "refusal" | "arguments";

/** A text that is sent in pieces (`<name>.delta`) and then once more as a whole (`<name>.done`). */
export interface TextStream {
  /** Of which list of the item the text's part is, and what names its place there; without, the item holds the text. */
  list?: "content" | "summary";
  /** The member that holds the text, of the part or of the item; `.done` events call it the same. */
  key: "text" | "refusal" | "arguments" | "input" | "code";
  /** Missing where the text belongs to a tool that the provider runs itself. */
  step?: TextStep;
}

const textStreams: ReadonlyMap<string, TextStream> = new Map<string, TextStream>([
  ["response.output_text", { list: "content", key: "text", step: "text" }],
  ["response.refusal", { list: "content", key: "refusal", step: "refusal" }],
  ["response.reasoning_summary_text", { list: "summary", key: "text", step: "reasoning" }],
  ["response.reasoning_text", { list: "content", key: "text", step: "reasoning" }],
  // What other servers than OpenAI's call it.
  ["response.reasoning", { list: "content", key: "text", step: "reasoning" }],
  ["response.function_call_arguments", { key: "arguments", step: "arguments" }],
  ["response.custom_tool_call_input", { key: "input", step: "arguments" }],
  ["response.mcp_call_arguments", { key: "arguments" }],
  ["response.code_interpreter_call_code", { key: "code" }],
]);

/** The text that an event of this type is a piece or the whole of. */
export function textStreamOf(type: string, ending: ".delta" | ".done"): TextStream | undefined {
  return type.endsWith(ending) ? textStreams.get(type.slice(0, -ending.length)) : undefined;
}

/** The member of an event that says where in a list its part is. */
export function indexMember(list: "content" | "summary"): "content_index" | "summary_index" {
  return list === "content" ? "content_index" : "summary_index";
}

/** The list that an event of this type adds a part to, or completes one of. */
export function partListOf(type: string, ending: ".added" | ".done"): "content" | "summary" | undefined {
  if (type === `response.content_part${ending}`) return "content";
  return type === `response.reasoning_summary_part${ending}` ? "summary" : undefined;
}

export const isLifecycle = (type: string): boolean => lifecycle.has(type);
const lifecycle = new Set(
  ["created", "queued", "in_progress", "completed", "incomplete", "failed", "cancelled"].map(
    (word) => `response.${word}`,
  ),
);

const maxItems = 4096;
const maxParts = 4096;

/** A part of an item that is being written. */
export interface OpenPart {
  outputIndex: number;
  list: "content" | "summary";
  index: number;
}

/** The output of a response while it is told, the same for whoever reads the events and whoever writes them. */
export class OutputItems {
  items: JsonObject[] = [];
  /** Output indexes of the items that were added and are not done. */
  readonly open = new Set<number>();
  openPart: OpenPart | undefined;

  /** Takes in what an event says. False when its indexes are beyond reason. */
  apply(event: JsonObject): boolean {
    const type = event["type"] as string;
    if (isLifecycle(type)) {
      const output = isJsonObject(event["response"]) ? event["response"]["output"] : undefined;
      if (Array.isArray(output) && output.length > 0) this.items = structuredClone(output).map(asObject);
      return true;
    }
    const outputIndex = event["output_index"];
    // What belongs to no item changes none.
    if (!isIndex(outputIndex, maxItems)) return typeof outputIndex !== "number";
    if (type === "response.output_item.added") {
      this.#put(outputIndex, event["item"]);
      this.open.add(outputIndex);
      return true;
    }
    if (type === "response.output_item.done") {
      this.#put(outputIndex, event["item"]);
      this.open.delete(outputIndex);
      if (this.openPart?.outputIndex === outputIndex) this.openPart = undefined;
      return true;
    }
    return this.#applyToItem(type, outputIndex, event);
  }

  /** The object that holds a text, and what it is there; made where the provider did not announce it. */
  holder(event: JsonObject, { list, key }: TextStream): JsonObject | undefined {
    const outputIndex = event["output_index"];
    if (!isIndex(outputIndex, maxItems)) return undefined;
    const item = this.#item(outputIndex);
    if (list === undefined) return withText(item, key);
    const index = event[indexMember(list)] ?? 0;
    return isIndex(index, maxParts) ? withText(partAt(item, list, index), key) : undefined;
  }

  part({ outputIndex, list, index }: OpenPart): JsonObject {
    return partAt(this.#item(outputIndex), list, index);
  }

  #applyToItem(type: string, outputIndex: number, event: JsonObject): boolean {
    const added = partListOf(type, ".added");
    const list = added ?? partListOf(type, ".done");
    if (list !== undefined) {
      const index = event[indexMember(list)] ?? 0;
      if (!isIndex(index, maxParts)) return false;
      Object.assign(emptied(partAt(this.#item(outputIndex), list, index)), structuredClone(asObject(event["part"])));
      this.openPart = added === undefined ? undefined : { outputIndex, list, index };
      return true;
    }
    const delta = textStreamOf(type, ".delta");
    const text = delta ?? textStreamOf(type, ".done");
    if (text !== undefined) {
      const holder = this.holder(event, text);
      if (holder === undefined) return false;
      const value = event[delta === undefined ? text.key : "delta"];
      const before = delta === undefined ? "" : (holder[text.key] as string);
      if (typeof value === "string") holder[text.key] = before + value;
      if (delta !== undefined) addLogprobs(holder, event["logprobs"]);
      return true;
    }
    if (type === "response.output_text.annotation.added") return this.#annotate(outputIndex, event);
    return true;
  }

  #annotate(outputIndex: number, event: JsonObject): boolean {
    const index = event["content_index"] ?? 0;
    const position = event["annotation_index"] ?? 0;
    if (!isIndex(index, maxParts) || !isIndex(position, maxParts)) return false;
    const part = partAt(this.#item(outputIndex), "content", index);
    const annotations = Array.isArray(part["annotations"]) ? part["annotations"] : [];
    annotations[position] = structuredClone(event["annotation"] ?? null);
    part["annotations"] = Array.from(annotations, (annotation) => annotation ?? null);
    return true;
  }

  #item(outputIndex: number): JsonObject {
    while (this.items.length <= outputIndex) this.items.push({});
    return this.items[outputIndex] as JsonObject;
  }

  #put(outputIndex: number, item: Json | undefined): void {
    this.#item(outputIndex);
    // Later events change it, and the one that brought it stays as it is.
    this.items[outputIndex] = structuredClone(asObject(item));
  }
}

function partAt(item: JsonObject, list: "content" | "summary", index: number): JsonObject {
  const parts = Array.isArray(item[list]) ? item[list] : (item[list] = []);
  while (parts.length <= index) parts.push({});
  return asObject(parts[index]);
}

function emptied(part: JsonObject): JsonObject {
  for (const key of Object.keys(part)) delete part[key];
  return part;
}

function withText(holder: JsonObject, key: string): JsonObject {
  if (typeof holder[key] !== "string") holder[key] = "";
  return holder;
}

/** Each piece of text has the list of its own tokens; the part has one of all. */
export function addLogprobs(part: JsonObject, logprobs: Json | undefined): void {
  if (!Array.isArray(logprobs) || logprobs.length === 0) return;
  const known = Array.isArray(part["logprobs"]) ? part["logprobs"] : (part["logprobs"] = []);
  known.push(...logprobs);
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

export function isIndex(value: Json | undefined, below: number = maxItems): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < below;
}
