import type { JsonObject } from "../core/json.ts";
import type { MediaSource, Message, Part, Role } from "../core/request.ts";
import { textOf } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { dataUrlOf, readMediaUrl } from "./data-url.ts";
import { readReasoningDetails } from "./openai-chat-details.ts";

const roles = ["system", "developer", "user", "assistant", "tool", "function"] as const;

/** One message of the body is one of ours, so that unchanged ones can be sent on as they came. */
export function readMessage(fields: BodyFields): Message {
  const role = fields.oneOf("role", roles) ?? fields.fail("role", `one of ${roles.join(", ")}`);
  const name = fields.string("name");
  const named = name === undefined ? {} : { name };
  switch (role) {
    case "tool": {
      const content = readContent(fields);
      return {
        role,
        content: [{ type: "tool-result", callId: fields.requiredString("tool_call_id"), ...named, content }],
      };
    }
    case "function": {
      const callee = fields.requiredString("name");
      return {
        role: "tool",
        content: [{ type: "tool-result", callId: callee, name: callee, content: readContent(fields) }],
      };
    }
    case "assistant":
      return { role, content: readAssistant(fields), ...named };
    default: {
      const content = readContent(fields);
      if (fields.value("content") === undefined) fields.fail("content", "a string or a list of parts");
      return { role, content, ...named };
    }
  }
}

function readContent(fields: BodyFields): Part[] {
  const content = fields.value("content");
  if (content === undefined) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) fields.fail("content", "a string or a list of parts");
  return (fields.objects("content") ?? []).map(readPart);
}

function readAssistant(fields: BodyFields): Part[] {
  const parts: Part[] = [];
  const details = readReasoningDetails(fields.value("reasoning_details"));
  parts.push(...details);
  const reasoning = fields.string("reasoning_content") ?? fields.string("reasoning");
  // The details have the same text, and the proof of it.
  if (reasoning !== undefined && reasoning !== "" && details.length === 0)
    parts.push({ type: "reasoning", text: reasoning });
  parts.push(...readContent(fields));
  const refusal = fields.string("refusal");
  if (refusal !== undefined) parts.push({ type: "refusal", text: refusal });
  for (const call of fields.objects("tool_calls") ?? []) parts.push(readToolCall(call));
  const old = fields.object("function_call");
  if (old !== undefined) {
    const name = old.requiredString("name");
    parts.push({
      type: "tool-call",
      callId: name,
      name,
      argumentsText: old.string("arguments") ?? "",
      kind: "function",
    });
  }
  if (fields.value("audio") !== undefined) parts.push({ type: "untranslatable", what: "audio of an earlier answer" });
  if (parts.length === 0 && fields.value("content") === undefined) {
    fields.fail("content", "a string or a list of parts, unless there are tool_calls");
  }
  return parts;
}

function readToolCall(call: BodyFields): Part {
  const callId = call.requiredString("id");
  const kind = call.oneOf("type", ["function", "custom"]) ?? "function";
  const body = call.requiredObject(kind);
  const argumentsText = body.string(kind === "custom" ? "input" : "arguments") ?? "";
  return { type: "tool-call", callId, name: body.requiredString("name"), argumentsText, kind };
}

function readPart(part: BodyFields): Part {
  const type = part.requiredString("type");
  switch (type) {
    case "text":
      return { type, text: part.requiredString("text") };
    case "refusal":
      return { type, text: part.requiredString("refusal") };
    case "image_url": {
      const image = part.requiredObject("image_url");
      const detail = image.string("detail");
      return {
        type: "image",
        source: readMediaUrl(image.requiredString("url")),
        ...(detail !== undefined && { detail }),
      };
    }
    case "input_audio": {
      const audio = part.requiredObject("input_audio");
      const mediaType = `audio/${audio.requiredString("format")}`;
      return { type: "audio", source: { kind: "base64", mediaType, data: audio.requiredString("data") } };
    }
    case "file": {
      const file = part.requiredObject("file");
      const name = file.string("filename");
      const fileId = file.string("file_id");
      const source: MediaSource =
        fileId === undefined ? readMediaUrl(file.requiredString("file_data")) : { kind: "file-id", fileId };
      return { type, source, ...(name !== undefined && { name }) };
    }
    default:
      // New kinds of parts appear more often than releases of ours; the provider may well know them.
      return { type: "untranslatable", what: `a content part of type ${type.slice(0, 40)}` };
  }
}

/** A message as Chat Completions has it; several where tool results were in one. */
export function writeMessage(message: Message): JsonObject[] {
  const results = message.content.filter((part) => part.type === "tool-result");
  const written: JsonObject[] = results.map(writeResult);
  // Results are text here; what else a tool gave is said behind them.
  const media = results.flatMap(({ content }) => content.filter(({ type }) => isMedia(type)));
  const rest = [...media, ...message.content.filter((part) => part.type !== "tool-result")];
  if (results.length > 0 && rest.length === 0) return written;
  const named = message.name === undefined ? {} : { name: message.name };
  if (message.role === "assistant") return [...written, { ...writeAssistant(rest), ...named }];
  const role: Role = message.role === "tool" ? "user" : message.role;
  return [...written, { role, content: writeContent(rest), ...named }];
}

function isMedia(type: Part["type"]): boolean {
  return type === "image" || type === "audio" || type === "file";
}

function writeResult({ callId, content, isError }: Extract<Part, { type: "tool-result" }>): JsonObject {
  const texts = content.filter(({ type }) => !isMedia(type));
  // There is no flag for it, so the model has to read it.
  const said: Part[] = isError === true ? [{ type: "text", text: "The tool failed:" }, ...texts] : texts;
  const isPlain = said.every(({ type }) => type === "text");
  return {
    role: "tool",
    tool_call_id: callId,
    content: isPlain ? said.map((part) => textOf([part])).join("\n") : writeContent(said),
  };
}

function writeAssistant(parts: readonly Part[]): JsonObject {
  const calls = parts.filter((part) => part.type === "tool-call");
  const refusal = parts.flatMap((part) => (part.type === "refusal" ? [part.text] : []));
  const text = textOf(parts);
  const message: JsonObject = {
    role: "assistant",
    content: text === "" && calls.length + refusal.length > 0 ? null : text,
  };
  if (refusal.length > 0) message["refusal"] = refusal.join("");
  if (calls.length > 0) {
    message["tool_calls"] = calls.map(({ callId, name, argumentsText, kind }) =>
      kind === "custom"
        ? { id: callId, type: "custom", custom: { name, input: argumentsText } }
        : { id: callId, type: "function", function: { name, arguments: argumentsText } },
    );
  }
  return message;
}

/** Plain text as a string, which every server understands; anything more as parts. */
function writeContent(parts: readonly Part[]): string | JsonObject[] {
  const only = parts.length === 1 ? parts[0] : undefined;
  if (only?.type === "text") return only.text;
  if (parts.length === 0) return "";
  return parts.flatMap(writePart);
}

function writePart(part: Part): JsonObject[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: part.text }];
    case "image":
      return [{ type: "image_url", image_url: { url: writeUrl(part.source), detail: part.detail } }];
    case "audio": {
      if (part.source.kind !== "base64") return [];
      const format = part.source.mediaType.replace("audio/", "");
      return [{ type: "input_audio", input_audio: { data: part.source.data, format } }];
    }
    case "file": {
      const { source, name } = part;
      const data = source.kind === "file-id" ? { file_id: source.fileId } : { file_data: writeUrl(source) };
      return [{ type: "file", file: { ...data, filename: name } }];
    }
    default:
      // Reasoning, refusals and calls have no place in content; the untranslatable has none at all.
      return [];
  }
}

function writeUrl(source: MediaSource): string {
  if (source.kind === "url") return source.url;
  return source.kind === "base64" ? dataUrlOf(source) : source.fileId;
}
