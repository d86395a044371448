import type { CacheHint, MediaSource, Message, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { openSignature } from "./signatures.ts";

/** The system text; no message when there is none. */
export function readSystem(fields: BodyFields): Message[] {
  if (fields.value("system") === undefined) return [];
  return [{ role: "system", content: readContent(fields, "system") }];
}

/** One message of the body is one of ours, so that unchanged ones can be sent on as they came. */
export function readMessage(fields: BodyFields): Message {
  const role =
    fields.oneOf("role", ["user", "assistant", "system"]) ?? fields.fail("role", "user, assistant or system");
  const content = readContent(fields, "content");
  const isResults = content.length > 0 && content.every(({ type }) => type === "tool-result");
  return { role: role === "user" && isResults ? "tool" : role, content };
}

function readContent(fields: BodyFields, key: string): Part[] {
  const content = fields.value(key);
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) return fields.fail(key, "a string or a list of blocks");
  return (fields.objects(key) ?? []).flatMap(readBlock);
}

export function readCache(block: BodyFields): CacheHint | undefined {
  const control = block.object("cache_control");
  const ttl = control?.string("ttl");
  return control === undefined ? undefined : { ...(ttl !== undefined && { ttl }) };
}

function readBlock(block: BodyFields): Part[] {
  const type = block.requiredString("type");
  const cache = readCache(block);
  const cached = cache === undefined ? {} : { cache };
  switch (type) {
    case "text":
      return [{ type, text: block.requiredString("text"), ...cached }];
    case "image":
      return [{ type, source: readSource(block.requiredObject("source")), ...cached }];
    case "document":
      return readDocument(block).map((part) => ({ ...part, ...cached }));
    case "search_result":
      return [{ type: "text", text: searchResultText(block), ...cached }];
    case "tool_use": {
      const name = block.requiredString("name");
      const argumentsText = JSON.stringify(block.value("input") ?? {});
      return [{ type: "tool-call", callId: block.requiredString("id"), name, argumentsText, kind: "function" }];
    }
    case "tool_result": {
      const content = block.value("content") === undefined ? [] : readContent(block, "content");
      const isError = block.boolean("is_error");
      const callId = block.requiredString("tool_use_id");
      return [{ type: "tool-result", callId, content, ...(isError !== undefined && { isError }), ...cached }];
    }
    case "thinking": {
      const text = block.requiredString("thinking");
      const signature = block.string("signature") ?? "";
      return [{ type: "reasoning", text, ...(signature !== "" && openSignature(signature, "anthropic-messages")) }];
    }
    case "redacted_thinking": {
      const opened = openSignature(block.requiredString("data"), "anthropic-messages");
      return [{ type: "reasoning", text: "", ...opened, redacted: true }];
    }
    default:
      // New kinds of blocks appear more often than releases of ours; the provider may well know them.
      return [{ type: "untranslatable", what: `a content block of type ${type.slice(0, 40)}` }];
  }
}

function readSource(source: BodyFields): MediaSource {
  const type = source.requiredString("type");
  switch (type) {
    case "url":
      return { kind: "url", url: source.requiredString("url") };
    case "file":
      return { kind: "file-id", fileId: source.requiredString("file_id") };
    case "base64": {
      const mediaType = source.requiredString("media_type");
      return { kind: "base64", mediaType, data: source.requiredString("data") };
    }
    default:
      return source.fail("type", "base64, url or file");
  }
}

/** Documents that are text are text, which every model reads; the others are files. */
function readDocument(block: BodyFields): (Part & { cache?: CacheHint })[] {
  const source = block.requiredObject("source");
  const title = block.string("title");
  const heading = title === undefined ? "" : `${title}\n\n`;
  const type = source.requiredString("type");
  if (type === "text") return [{ type: "text", text: heading + source.requiredString("data") }];
  if (type === "content") {
    const parts = readContent(source, "content") as (Part & { cache?: CacheHint })[];
    return title === undefined ? parts : [{ type: "text", text: title }, ...parts];
  }
  return [{ type: "file", source: readSource(source), ...(title !== undefined && { name: title }) }];
}

function searchResultText(block: BodyFields): string {
  const texts = (block.objects("content") ?? []).map((item) => item.string("text") ?? "");
  return [`${block.string("title") ?? ""} (${block.string("source") ?? ""})`, ...texts].join("\n");
}
