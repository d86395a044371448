import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, MediaSource, Message, Part } from "../core/request.ts";
import { groupContents } from "./gemini-contents.ts";
import { parseObject } from "./json-values.ts";
import type { Warn } from "./protocol.ts";
import { objectOfArguments } from "./tool-arguments.ts";

// Models from the third generation on refuse a call in the history without its signature; calls of other models get
// this one, which is documented for them. https://ai.google.dev/gemini-api/docs/thought-signatures
const unsigned = "skip_thought_signature_validator";

type Kept = NonNullable<GenerateRequest["original"]>;

/** Writes the messages of a request: those that nobody touched as they came. */
export function writeContents(request: GenerateRequest, warn: Warn): JsonObject {
  const { messages, original } = request;
  const kept = original?.protocol === "gemini" ? original : undefined;
  const { raw, system } = kept === undefined ? { raw: new Map<Message, JsonObject[]>() } : asTheyCame(kept);
  const body: JsonObject = {};
  const instructions = messages.filter(isInstruction);
  if (instructions.length === 1 && instructions[0] === system) {
    body["systemInstruction"] = kept?.body["systemInstruction"];
  } else if (instructions.length > 0) {
    body["systemInstruction"] = { parts: instructions.flatMap(({ content }) => writeInstruction(content)) };
  }
  if (messages.findLastIndex(isInstruction) >= Math.max(instructions.length, 1)) {
    warn("messages: instructions in the middle of the conversation are sent ahead of it, Gemini has no other place");
  }
  const writer = new ContentWriter(request, warn);
  const contents: JsonObject[] = [];
  for (const message of messages) {
    if (isInstruction(message)) continue;
    const asItCame = raw.get(message);
    if (asItCame !== undefined) contents.push(...asItCame);
    else for (const content of writer.write(message)) addContent(contents, content);
  }
  body["contents"] = contents;
  return body;
}

/** All results of a turn's calls have to be in one content; elsewhere each is a message of its own. */
function addContent(contents: JsonObject[], content: JsonObject): void {
  const last = contents.at(-1);
  if (last !== undefined && hasOnlyResults(last) && hasOnlyResults(content)) {
    contents[contents.length - 1] = { ...last, parts: [...partsOf(last), ...partsOf(content)] };
  } else contents.push(content);
}

function hasOnlyResults(content: JsonObject): boolean {
  return partsOf(content).every((part) => isJsonObject(part) && part["functionResponse"] !== undefined);
}

function partsOf({ parts }: JsonObject): Json[] {
  return Array.isArray(parts) ? parts : [];
}

/** The contents that each message was read from, and the message that stands for the system instruction. */
function asTheyCame({ body, read }: Kept): { raw: Map<Message, JsonObject[]>; system?: Message } {
  const contents = body["contents"] as JsonObject[];
  const groups = groupContents(contents, (content) => content);
  const [first, ...rest] = read.messages;
  const hasSystem = read.messages.length > groups.length && first !== undefined;
  const messages = hasSystem ? rest : read.messages;
  const raw = new Map(messages.map((message, index) => [message, groups[index] as JsonObject[]]));
  return hasSystem ? { raw, system: first } : { raw };
}

function isInstruction({ role }: Message): boolean {
  return role === "system" || role === "developer";
}

function writeInstruction(parts: readonly Part[]): JsonObject[] {
  return parts.map((part) => {
    if (part.type === "text") return { text: part.text };
    throw cannotSay("instructions can only be text");
  });
}

class ContentWriter {
  readonly #warn: Warn;
  readonly #needsSignatures: boolean;
  readonly #names = new Map<string, string>();

  constructor({ model, messages }: GenerateRequest, warn: Warn) {
    this.#warn = warn;
    this.#needsSignatures = !/(?:^|\/)(?:gemini-[12][.-]|gemma-)/.test(model);
    for (const { content } of messages) {
      for (const part of content) if (part.type === "tool-call") this.#names.set(part.callId, part.name);
    }
  }

  /** None for a message of which nothing is left. */
  write({ role, content }: Message): JsonObject[] {
    const parts = role === "assistant" ? this.#answer(content) : content.map((part) => this.#question(part));
    return parts.length === 0 ? [] : [{ role: role === "assistant" ? "model" : "user", parts }];
  }

  #answer(content: readonly Part[]): JsonObject[] {
    const parts: JsonObject[] = [];
    let signature: string | undefined;
    let hasCall = false;
    const add = (part: JsonObject): void => {
      parts.push(signature === undefined ? part : { ...part, thoughtSignature: signature });
      signature = undefined;
    };
    for (const part of content) {
      if (part.type === "reasoning") {
        if (part.signature === undefined || part.from !== "gemini") {
          this.#warn("messages: earlier reasoning is left out, it was not signed by Gemini");
          continue;
        }
        if (signature !== undefined) add({ text: "" });
        if (part.text !== "") parts.push({ text: part.text, thought: true });
        signature = part.signature;
      } else if (part.type === "tool-call") {
        // Of parallel calls only the first one is signed.
        if (!hasCall && this.#needsSignatures) signature ??= unsigned;
        hasCall = true;
        add(writeCall(part));
      } else if (part.type === "untranslatable") {
        this.#warn(`messages: ${part.what} is left out, Gemini has no words for it`);
      } else if (part.type === "refusal") {
        add({ text: part.text });
      } else {
        add(this.#question(part));
      }
    }
    if (signature !== undefined) add({ text: "" });
    return parts;
  }

  #question(part: Part): JsonObject {
    if ("cache" in part && part.cache !== undefined) {
      this.#warn("messages: cache hints are left out, Gemini caches without being told");
    }
    switch (part.type) {
      case "text":
      case "refusal":
        return { text: part.text };
      case "image":
        if (part.detail !== undefined) this.#warn("messages: `detail` of images is left out, Gemini has no such thing");
        return writeMedia(part.source, "image/jpeg");
      case "audio":
        return writeMedia(part.source, "audio/mpeg");
      case "file":
        return writeMedia(part.source, "application/pdf");
      case "tool-result":
        return { functionResponse: this.#result(part) };
      case "tool-call":
        return writeCall(part);
      case "reasoning":
        throw cannotSay("reasoning has its place in the answers of a model only");
      case "untranslatable":
        throw cannotSay(`${part.what} cannot be said to Gemini`);
    }
  }

  #result({ callId, name, content, isError }: Extract<Part, { type: "tool-result" }>): JsonObject {
    const text = content.map((part) => (part.type === "text" ? part.text : "")).join("");
    const media = content.filter(({ type }) => type !== "text").map((part) => this.#question(part));
    return {
      id: callId,
      name: name ?? this.#names.get(callId) ?? callId,
      response: isError === true ? { error: text } : (parseObject(text) ?? { output: text }),
      ...(media.length > 0 && { parts: media }),
    };
  }
}

function writeCall({ callId, name, kind, argumentsText }: Extract<Part, { type: "tool-call" }>): JsonObject {
  const args = objectOfArguments(kind, argumentsText);
  if (args === undefined) {
    throw cannotSay(
      `the arguments of the call of ${name.slice(0, 64)} are no JSON object, and Gemini takes nothing else`,
    );
  }
  return { functionCall: { id: callId, name, args } };
}

function writeMedia(source: MediaSource, usualType: string): JsonObject {
  if (source.kind === "base64") return { inlineData: { mimeType: source.mediaType, data: source.data } };
  if (source.kind === "url") return { fileData: { mimeType: typeOfUrl(source.url) ?? usualType, fileUri: source.url } };
  // Files of other vendors are known to them only.
  if (/^(?:https:\/\/generativelanguage\.googleapis\.com\/|gs:\/\/|files\/)/.test(source.fileId)) {
    return { fileData: { fileUri: source.fileId } };
  }
  throw cannotSay("a file that is kept by another vendor cannot be read by Gemini; send its content");
}

const typesByEnding: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  pdf: "application/pdf",
  txt: "text/plain",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  flac: "audio/flac",
  mp4: "video/mp4",
  webm: "video/webm",
};

function typeOfUrl(url: string): string | undefined {
  const [, ending] = /\.([A-Za-z0-9]{1,5})(?:[?#]|$)/.exec(url) ?? [];
  return ending === undefined ? undefined : typesByEnding[ending.toLowerCase()];
}

function cannotSay(message: string): HeadraceError {
  return new HeadraceError("invalid-request", message, { param: "messages" });
}
