import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { MediaSource, Message, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { openSignature } from "./signatures.ts";

/**
 * Reads `contents`: each group is one message.
 *
 * @throws HeadraceError `invalid-request` with `param`.
 */
export function readContents(contents: readonly BodyFields[]): Message[] {
  const calls = new CallIds();
  return groupContents(contents, (content) => content.body).map((group) => readMessage(group, calls));
}

/** What a client collected piece by piece while an answer was streamed belongs together. */
export function groupContents<Content>(
  contents: readonly Content[],
  bodyOf: (content: Content) => JsonObject,
): Content[][] {
  const groups: Content[][] = [];
  let wasModel = false;
  for (const content of contents) {
    const isModel = bodyOf(content)["role"] === "model";
    if (isModel && wasModel) groups.at(-1)?.push(content);
    else groups.push([content]);
    wasModel = isModel;
  }
  return groups;
}

/** Reads `systemInstruction`: a content, or just its text. */
export function readSystem(fields: BodyFields): Message | undefined {
  const value = fields.value("systemInstruction");
  if (value === undefined) return undefined;
  if (typeof value === "string") return { role: "system", content: [{ type: "text", text: value }] };
  const content = fields.requiredObject("systemInstruction");
  return { role: "system", content: readParts(content, new CallIds()) };
}

function readMessage(group: readonly BodyFields[], calls: CallIds): Message {
  const [first] = group as [BodyFields];
  const role = first.oneOf("role", ["user", "model", "function"] as const) ?? "user";
  if (role === "model") {
    return { role: "assistant", content: joinTexts(group.flatMap((content) => readParts(content, calls))) };
  }
  const content = readParts(first, calls);
  const isTool = content.length > 0 && content.every(({ type }) => type === "tool-result");
  return { role: isTool ? "tool" : "user", content };
}

/** Texts that came one after another are one. */
function joinTexts(parts: readonly Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.type === "text" && last?.type === "text")
      joined[joined.length - 1] = { ...last, text: last.text + part.text };
    else if (isUnsigned(part) && last !== undefined && isUnsigned(last)) {
      joined[joined.length - 1] = { ...part, text: last.text + part.text };
    } else joined.push(part);
  }
  return joined;
}

function isUnsigned(part: Part): part is Extract<Part, { type: "reasoning" }> & { signature?: never } {
  return part.type === "reasoning" && part.signature === undefined;
}

/** Google leaves ids out: calls are numbered, and results belong to the first open call of their name. */
class CallIds {
  #count = 0;
  readonly #open: { name: string; callId: string }[] = [];

  call(id: string | undefined, name: string): string {
    const callId = id ?? `call_${this.#count}`;
    this.#count += 1;
    this.#open.push({ name, callId });
    return callId;
  }

  result(id: string | undefined, name: string): string {
    const position = this.#open.findIndex((call) => (id === undefined ? call.name === name : call.callId === id));
    const [call] = position === -1 ? [] : this.#open.splice(position, 1);
    return id ?? call?.callId ?? `call_${name}`;
  }
}

function readParts(content: BodyFields, calls: CallIds): Part[] {
  const parts = content.objects("parts") ?? [];
  const read: Part[] = [];
  let thoughts = "";
  const flush = (): void => {
    if (thoughts !== "") read.push({ type: "reasoning", text: thoughts });
    thoughts = "";
  };
  for (const part of parts) {
    const signature = part.string("thoughtSignature") ?? "";
    const isThought = part.boolean("thought") === true && typeof part.value("text") === "string";
    if (isThought) thoughts += part.requiredString("text");
    if (signature !== "") {
      read.push(readReasoning(thoughts, signature));
      thoughts = "";
    }
    if (isThought) continue;
    flush();
    const one = readPart(part, calls);
    // An empty text is there for the signature that it carries.
    if (one.type !== "text" || one.text !== "" || signature === "") read.push(one);
  }
  flush();
  return read;
}

function readReasoning(text: string, sealed: string): Part {
  const { signature, from } = openSignature(sealed, "gemini");
  const isRedacted = text === "" && from !== "gemini";
  return { type: "reasoning", text, signature, from, ...(isRedacted && { redacted: true }) };
}

function readPart(part: BodyFields, calls: CallIds): Part {
  const { body } = part;
  if (body["text"] !== undefined) return { type: "text", text: part.requiredString("text") };
  if (body["inlineData"] !== undefined) return readInlineData(part.requiredObject("inlineData"));
  if (body["fileData"] !== undefined) return readFileData(part.requiredObject("fileData"));
  if (body["functionCall"] !== undefined) return readCall(part.requiredObject("functionCall"), calls);
  if (body["functionResponse"] !== undefined) return readResult(part.requiredObject("functionResponse"), calls);
  const kind = Object.keys(body).find((key) => isJsonObject(body[key])) ?? "unknown";
  // New kinds of parts appear more often than releases of ours; the provider may well know them.
  return { type: "untranslatable", what: `a part with ${kind.slice(0, 40)}` };
}

function readInlineData(data: BodyFields): Part {
  const mediaType = data.requiredString("mimeType");
  return mediaPart(
    mediaType,
    { kind: "base64", mediaType, data: data.requiredString("data") },
    data.string("displayName"),
  );
}

function readFileData(data: BodyFields): Part {
  const uri = data.requiredString("fileUri");
  // What Google keeps for its callers cannot be fetched by anybody else.
  const isPublic = /^https?:\/\/(?!generativelanguage\.googleapis\.com\/)/.test(uri);
  const source: MediaSource = isPublic ? { kind: "url", url: uri } : { kind: "file-id", fileId: uri };
  return mediaPart(data.string("mimeType") ?? "", source, data.string("displayName"));
}

function mediaPart(mediaType: string, source: MediaSource, name: string | undefined): Part {
  if (mediaType.startsWith("image/")) return { type: "image", source };
  if (mediaType.startsWith("audio/")) return { type: "audio", source };
  return { type: "file", source, ...(name !== undefined && { name }) };
}

function readCall(call: BodyFields, calls: CallIds): Part {
  const name = call.requiredString("name");
  const args = call.object("args")?.body ?? {};
  const callId = calls.call(call.string("id"), name);
  return { type: "tool-call", callId, name, argumentsText: JSON.stringify(args), kind: "function" };
}

function readResult(result: BodyFields, calls: CallIds): Part {
  const name = result.requiredString("name");
  const response = result.object("response")?.body ?? {};
  const callId = calls.result(result.string("id"), name);
  const media = (result.objects("parts") ?? []).map((part) => readPart(part, calls));
  const isError = response["error"] !== undefined && response["output"] === undefined;
  const content: Part[] = [{ type: "text", text: resultText(response) }, ...media];
  return { type: "tool-result", callId, name, content, ...(isError && { isError: true }) };
}

/** `output` or `error` alone is the result; anything else is one as a whole. */
function resultText(response: JsonObject): string {
  const [key, ...others] = Object.keys(response);
  const isNamed = others.length === 0 && (key === "output" || key === "error" || key === "result");
  const value: Json = isNamed ? (response[key] ?? null) : response;
  return typeof value === "string" ? value : JSON.stringify(value);
}
