import { HeadraceError } from "../core/errors.ts";
import type { MediaSource, Message, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { readMediaUrl } from "./data-url.ts";
import { openSignature } from "./signatures.ts";

/** A message, and the items of the input that it was read from. */
export interface MessageOfItems {
  message: Message;
  /** Positions in the input: from `first` on, `count` of them. */
  first: number;
  count: number;
}

/**
 * Reads the items of an input. What a model said in one go is one message, however many items it takes: most protocols
 * want the calls of a turn together.
 */
export function readItems(items: readonly BodyFields[]): MessageOfItems[] {
  const messages: MessageOfItems[] = [];
  items.forEach((item, first) => {
    const message = readItem(item);
    const last = messages.at(-1);
    if (last?.message.role === "assistant" && message.role === "assistant") {
      last.message.content.push(...message.content);
      last.count += 1;
    } else messages.push({ message, first, count: 1 });
  });
  return messages;
}

const roles = ["user", "assistant", "system", "developer"] as const;

function readItem(item: BodyFields): Message {
  const type = item.string("type") ?? (item.value("role") === undefined ? item.fail("type", "a string") : "message");
  switch (type) {
    case "message": {
      const role = item.oneOf("role", roles) ?? item.fail("role", `one of ${roles.join(", ")}`);
      if (item.value("content") === undefined) item.fail("content", "a string or a list of parts");
      return { role, content: readContent(item, "content") };
    }
    case "function_call":
    case "custom_tool_call": {
      const kind = type === "function_call" ? "function" : "custom";
      const argumentsText = item.requiredString(kind === "function" ? "arguments" : "input");
      const callId = item.requiredString("call_id");
      return assistant({ type: "tool-call", callId, name: item.requiredString("name"), argumentsText, kind });
    }
    case "function_call_output":
    case "custom_tool_call_output": {
      const callId = item.requiredString("call_id");
      return { role: "tool", content: [{ type: "tool-result", callId, content: readContent(item, "output") }] };
    }
    case "reasoning":
      return assistant(readReasoning(item));
    case "item_reference":
      throw new HeadraceError(
        "invalid-request",
        "an `item_reference` names an item that is not kept here; send the item itself, or use `previous_response_id`",
        { param: item.pathOf("type") },
      );
    default: {
      const part: Part = { type: "untranslatable", what: `an input item of type ${type.slice(0, 40)}` };
      return type.endsWith("_output") ? { role: "tool", content: [part] } : assistant(part);
    }
  }
}

function assistant(part: Part): Message {
  return { role: "assistant", content: [part] };
}

function readReasoning(item: BodyFields): Part {
  const summary = textsOf(item.objects("summary"));
  const text = summary === "" ? textsOf(item.objects("content")) : summary;
  const signature = item.string("encrypted_content");
  if (signature === undefined) return { type: "reasoning", text };
  const redacted = text === "" ? { redacted: true as const } : {};
  return { type: "reasoning", text, ...openSignature(signature, "openai-responses"), ...redacted };
}

function textsOf(parts: readonly BodyFields[] | undefined): string {
  return (parts ?? []).map((part) => part.string("text") ?? "").join("\n\n");
}

function readContent(item: BodyFields, key: string): Part[] {
  const content = item.value(key);
  if (content === undefined) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) item.fail(key, "a string or a list of parts");
  return (item.objects(key) ?? []).map(readPart);
}

function readPart(part: BodyFields): Part {
  const type = part.requiredString("type");
  switch (type) {
    case "input_text":
    case "output_text":
    case "text":
      return { type: "text", text: part.requiredString("text") };
    case "refusal":
      return { type, text: part.requiredString("refusal") };
    case "input_image": {
      const detail = part.string("detail");
      const source = readFileId(part) ?? readMediaUrl(part.requiredString("image_url"));
      return { type: "image", source, ...(detail !== undefined && { detail }) };
    }
    case "input_file": {
      const name = part.string("filename");
      const source = readFileId(part) ?? readMediaUrl(part.string("file_url") ?? part.requiredString("file_data"));
      return { type: "file", source, ...(name !== undefined && { name }) };
    }
    case "input_audio": {
      const audio = part.requiredObject("input_audio");
      const mediaType = `audio/${audio.requiredString("format")}`;
      return { type: "audio", source: { kind: "base64", mediaType, data: audio.requiredString("data") } };
    }
    default:
      // New kinds of parts appear more often than releases of ours; the provider may well know them.
      return { type: "untranslatable", what: `a content part of type ${type.slice(0, 40)}` };
  }
}

function readFileId(part: BodyFields): MediaSource | undefined {
  const fileId = part.string("file_id");
  return fileId === undefined ? undefined : { kind: "file-id", fileId };
}
