import type { JsonObject } from "../core/json.ts";
import type { MediaSource, Message, Part } from "../core/request.ts";
import { dataUrlOf } from "./data-url.ts";
import type { Warn } from "./protocol.ts";

/** Writes messages as input items. Says once of each thing that it was left out. */
export class ItemWriter {
  readonly #warn: Warn;
  readonly #said = new Set<string>();
  readonly #customCalls = new Set<string>();

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** A message as items: calls, results and reasoning are items of their own. */
  write({ role, content, name }: Message): JsonObject[] {
    if (name !== undefined) this.#leaveOut("messages: OpenAI Responses has no names of participants");
    const items: JsonObject[] = [];
    let parts: JsonObject[] = [];
    const speaker = role === "tool" ? "user" : role;
    const flush = (): void => {
      if (parts.length > 0) items.push({ type: "message", role: speaker, content: parts });
      parts = [];
    };
    for (const part of content) {
      const item = this.#item(part);
      if (item === undefined) parts.push(...this.#part(part, speaker === "assistant"));
      else {
        flush();
        items.push(...item);
      }
    }
    flush();
    return items;
  }

  #leaveOut(what: string): void {
    if (this.#said.has(what)) return;
    this.#said.add(what);
    this.#warn(what);
  }

  /** The part as an item of its own, or none; undefined when it belongs into a message. */
  #item(part: Part): JsonObject[] | undefined {
    switch (part.type) {
      case "tool-call": {
        const { callId, name, argumentsText, kind } = part;
        if (kind === "custom") this.#customCalls.add(callId);
        if (kind === "custom") return [{ type: "custom_tool_call", call_id: callId, name, input: argumentsText }];
        return [{ type: "function_call", call_id: callId, name, arguments: argumentsText }];
      }
      case "tool-result": {
        if (part.isError === true) this.#leaveOut("messages: that a tool failed is said by its text only");
        const type = this.#customCalls.has(part.callId) ? "custom_tool_call_output" : "function_call_output";
        return [{ type, call_id: part.callId, output: this.#output(part.content) }];
      }
      case "reasoning":
        return this.#reasoning(part);
      default:
        return undefined;
    }
  }

  #reasoning({ text, signature, from }: Extract<Part, { type: "reasoning" }>): JsonObject[] {
    if (signature === undefined || from !== "openai-responses") {
      this.#leaveOut("messages: reasoning of other models cannot be given to this one, and was left out");
      return [];
    }
    const summary = text === "" ? [] : [{ type: "summary_text", text }];
    return [{ type: "reasoning", summary, encrypted_content: signature }];
  }

  /** Plain text as a string, which every server understands. */
  #output(content: readonly Part[]): string | JsonObject[] {
    const only = content.length === 1 ? content[0] : undefined;
    if (only?.type === "text") return only.text;
    return content.length === 0 ? "" : content.flatMap((part) => this.#part(part, false));
  }

  #part(part: Part, isAnswer: boolean): JsonObject[] {
    if ("cache" in part && part.cache !== undefined) {
      this.#leaveOut("messages: OpenAI Responses has no cache marks; it caches by itself");
    }
    switch (part.type) {
      case "text":
        return [{ type: isAnswer ? "output_text" : "input_text", text: part.text }];
      case "refusal":
        return isAnswer ? [{ type: "refusal", refusal: part.text }] : [{ type: "input_text", text: part.text }];
      case "image": {
        const source =
          part.source.kind === "file-id" ? { file_id: part.source.fileId } : { image_url: urlOf(part.source) };
        return [{ type: "input_image", ...source, detail: part.detail ?? "auto" }];
      }
      case "audio":
        if (part.source.kind !== "base64") break;
        return [
          {
            type: "input_audio",
            input_audio: { data: part.source.data, format: part.source.mediaType.replace("audio/", "") },
          },
        ];
      case "file":
        return [
          { type: "input_file", ...fileOf(part.source), ...(part.name !== undefined && { filename: part.name }) },
        ];
      default:
        break;
    }
    this.#leaveOut(`messages: ${part.type === "untranslatable" ? part.what : part.type} was left out`);
    return [];
  }
}

function fileOf(source: MediaSource): JsonObject {
  if (source.kind === "file-id") return { file_id: source.fileId };
  return source.kind === "url" ? { file_url: source.url } : { file_data: urlOf(source) };
}

function urlOf(source: Exclude<MediaSource, { kind: "file-id" }>): string {
  return source.kind === "url" ? source.url : dataUrlOf(source);
}
