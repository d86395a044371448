import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { readCitation } from "./bedrock-converse-citations.ts";
import { readRedacted } from "./bedrock-converse-reasoning.ts";
import { isText } from "./json-values.ts";

/** What one frame may say. */
export type StepEvent = Exclude<StreamEvent, { type: "stream-start" | "stream-end" | "warning" | "seam" }>;

const maxCalls = 1024;

/** `other` are the results of tools that the provider runs itself, images, and what comes next. */
type ReadBlock = { kind: "text" | "reasoning" | "other" } | { kind: "tool-call"; call: number; hasArguments: boolean };

/** The steps of an answer in the frames of its blocks. An empty list for frames that only readers of this protocol understand. */
export class ConverseSteps {
  readonly #blocks = new Map<Json | undefined, ReadBlock>();
  #calls = 0;

  /** Undefined when there are more tool calls than an answer can have. */
  start({ contentBlockIndex, start }: JsonObject): StepEvent[] | undefined {
    const toolUse = isJsonObject(start) ? start["toolUse"] : undefined;
    if (!isJsonObject(toolUse) || !isText(toolUse["toolUseId"]) || !isText(toolUse["name"])) {
      if (isJsonObject(start) && Object.keys(start).length > 0) this.#blocks.set(contentBlockIndex, { kind: "other" });
      return [];
    }
    // A tool that the provider runs itself: nobody else is to call it.
    if (toolUse["type"] === "server_tool_use") {
      this.#blocks.set(contentBlockIndex, { kind: "other" });
      return [];
    }
    if (this.#calls === maxCalls) return undefined;
    const call = this.#calls++;
    this.#blocks.set(contentBlockIndex, { kind: "tool-call", call, hasArguments: false });
    return [{ type: "tool-call-start", call, callId: toolUse["toolUseId"], name: toolUse["name"], kind: "function" }];
  }

  delta({ contentBlockIndex, delta }: JsonObject): StepEvent[] {
    if (!isJsonObject(delta)) return [];
    const block = this.#blocks.get(contentBlockIndex);
    const { text, toolUse, reasoningContent, citation } = delta;
    if (isText(text) && this.#isOf(contentBlockIndex, "text")) return [{ type: "text-delta", text }];
    if (isJsonObject(toolUse) && isText(toolUse["input"]) && block?.kind === "tool-call") {
      block.hasArguments = true;
      return [{ type: "tool-call-delta", call: block.call, argumentsText: toolUse["input"] }];
    }
    if (isJsonObject(reasoningContent) && this.#isOf(contentBlockIndex, "reasoning")) {
      return readReasoning(reasoningContent);
    }
    if (isJsonObject(citation) && this.#isOf(contentBlockIndex, "text")) {
      return [{ type: "citation", citation: readCitation(citation) }];
    }
    return [];
  }

  stop({ contentBlockIndex }: JsonObject): StepEvent[] {
    const block = this.#blocks.get(contentBlockIndex);
    this.#blocks.delete(contentBlockIndex);
    if (block === undefined || block.kind === "other") return [];
    const end: StepEvent = { type: "block-end" };
    // A tool without parameters is called with nothing at all, which others have as an empty object.
    const isBare = block.kind === "tool-call" && !block.hasArguments;
    return isBare ? [{ type: "tool-call-delta", call: block.call, argumentsText: "{}" }, end] : [end];
  }

  /** Only tool calls say what they are before their first delta. */
  #isOf(index: Json | undefined, kind: "text" | "reasoning"): boolean {
    const block = this.#blocks.get(index);
    if (block === undefined) this.#blocks.set(index, { kind });
    return block === undefined || block.kind === kind;
  }
}

function readReasoning({ text, signature, redactedContent }: JsonObject): StepEvent[] {
  if (isText(text)) return [{ type: "reasoning-delta", text }];
  if (isText(signature)) return [{ type: "reasoning-signature", signature }];
  if (isText(redactedContent)) {
    return [{ type: "reasoning-signature", signature: readRedacted(redactedContent).signature, redacted: true }];
  }
  return [];
}
