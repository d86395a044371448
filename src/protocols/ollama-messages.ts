import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import type { Warn } from "./protocol.ts";
import { objectOfArguments, textOfArguments } from "./tool-arguments.ts";

const roles = ["system", "user", "assistant", "tool"] as const;

/** Calls that have no result yet, in the order they were made. */
interface OpenCall {
  callId: string;
  name: string;
}

/**
 * Each message of the body is one of ours, so that unchanged ones can be sent on as they came. Calls and results rarely
 * have ids: a call gets one from its position, a result that of the first open call of its tool.
 */
export function readMessages(messages: readonly BodyFields[]): Message[] {
  const open: OpenCall[] = [];
  return messages.map((fields, position) => {
    const word = fields.requiredString("role").toLowerCase();
    const role = roles.find((known) => known === word) ?? fields.fail("role", `one of ${roles.join(", ")}`);
    if (role === "tool") return { role, content: [readResult(fields, position, open)] };
    const content: Part[] = [];
    const thinking = fields.string("thinking");
    if (thinking !== undefined && thinking !== "") content.push({ type: "reasoning", text: thinking });
    content.push(...readContent(fields));
    fields.objects("tool_calls")?.forEach((call, index) => {
      const part = readCall(call, `call_${position}_${index}`);
      open.push(part);
      content.push(part);
    });
    return { role, content };
  });
}

function readContent(fields: BodyFields): Part[] {
  const text = fields.string("content");
  const parts: Part[] = text === undefined || text === "" ? [] : [{ type: "text", text }];
  return [...parts, ...readImages(fields)];
}

/** Images are base64 without a word about what they are; their first bytes tell. */
export function readImages(fields: BodyFields): Part[] {
  const images = fields.value("images");
  if (images === undefined) return [];
  if (!Array.isArray(images)) return fields.fail("images", "a list of base64 texts");
  return images.map((data, index): Part => {
    if (typeof data !== "string") return fields.fail(`images[${index}]`, "a base64 text");
    return { type: "image", source: { kind: "base64", mediaType: mediaTypeOf(data), data } };
  });
}

const mediaTypes: readonly [string, string][] = [
  ["/9j/", "image/jpeg"],
  ["R0lG", "image/gif"],
  ["UklG", "image/webp"],
];

function mediaTypeOf(base64: string): string {
  return mediaTypes.find(([beginning]) => base64.startsWith(beginning))?.[1] ?? "image/png";
}

function readCall(call: BodyFields, synthesised: string): Extract<Part, { type: "tool-call" }> {
  const body = call.requiredObject("function");
  const argumentsText = textOfArguments(body.value("arguments"));
  const callId = call.string("id") || synthesised;
  return { type: "tool-call", callId, name: body.requiredString("name"), argumentsText, kind: "function" };
}

function readResult(fields: BodyFields, position: number, open: OpenCall[]): Part {
  const named = fields.string("tool_name") ?? fields.string("name");
  const id = fields.string("tool_call_id");
  const index = open.findIndex((call) => (id ? call.callId === id : named === undefined || call.name === named));
  const [answered] = index === -1 ? [] : open.splice(index, 1);
  const callId = id || answered?.callId || `call_${position}`;
  const name = named ?? answered?.name;
  return { type: "tool-result", callId, ...(name !== undefined && { name }), content: readContent(fields) };
}

/**
 * A message as Ollama has it; several where tool results were in one.
 *
 * @throws HeadraceError `invalid-request` - it holds something that the model would have to see and cannot be sent.
 */
export function writeMessage(message: Message, names: ReadonlyMap<string, string>, warn: Warn): JsonObject[] {
  const results = message.content.filter((part) => part.type === "tool-result");
  const written: JsonObject[] = results.map((result) => {
    if (result.isError === true) warn("messages: Ollama has no mark for a failed tool; its text has to say so");
    const name = result.name ?? names.get(result.callId);
    return { role: "tool", ...writeParts(result.content), tool_name: name, tool_call_id: result.callId };
  });
  const rest = message.content.filter((part) => part.type !== "tool-result");
  if (results.length > 0 && rest.length === 0) return written;
  if (message.name !== undefined) warn("messages: the `name` of a message is left out, Ollama has none");
  const role = message.role === "developer" ? "system" : message.role === "tool" ? "user" : message.role;
  return [...written, role === "assistant" ? writeAssistant(rest, warn) : { role, ...writeParts(rest) }];
}

/** The tool of each call, for results that do not name it. */
export function toolNames({ messages }: GenerateRequest): Map<string, string> {
  const names = new Map<string, string>();
  for (const { content } of messages) {
    for (const part of content) if (part.type === "tool-call") names.set(part.callId, part.name);
  }
  return names;
}

function writeAssistant(parts: readonly Part[], warn: Warn): JsonObject {
  const calls = parts.filter((part) => part.type === "tool-call");
  const reasoning = parts.filter((part) => part.type === "reasoning");
  if (reasoning.some(({ signature }) => signature !== undefined)) {
    warn("messages: reasoning that another vendor signed is left out, since only that vendor can read it");
  }
  const thinking = reasoning.flatMap(({ text, signature }) => (signature === undefined ? [text] : [])).join("");
  const rest = parts.filter(({ type }) => type !== "tool-call" && type !== "reasoning");
  return {
    role: "assistant",
    ...writeParts(rest),
    ...(thinking !== "" && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(writeToolCall) }),
  };
}

function writeToolCall(part: Extract<Part, { type: "tool-call" }>, index: number): JsonObject {
  const { callId, name, kind, argumentsText } = part;
  const found = objectOfArguments(kind, argumentsText);
  if (found === undefined) throw cannotSay(`the arguments of the call ${callId}, which are no JSON object`);
  return { id: callId, function: { index, name, arguments: found } };
}

/** Text and images of a message, which Ollama keeps apart. */
export function writeParts(parts: readonly Part[]): { content: string; images?: string[] } {
  const texts: string[] = [];
  const images: string[] = [];
  for (const part of parts) {
    if (part.type === "text" || part.type === "refusal") texts.push(part.text);
    else if (part.type === "image" && part.source.kind === "base64") images.push(part.source.data);
    else if (part.type === "image") throw cannotSay("an image that is not sent as base64");
    else throw cannotSay(part.type === "untranslatable" ? part.what : `a part of type ${part.type}`);
  }
  return { content: texts.join(""), ...(images.length > 0 && { images }) };
}

function cannotSay(what: string): HeadraceError {
  return new HeadraceError("invalid-request", `a model behind Ollama's protocol cannot be sent ${what}`, {
    param: "messages",
  });
}
