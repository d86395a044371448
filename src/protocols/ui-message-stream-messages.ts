import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { MediaSource, Message, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { openSignature } from "./signatures.ts";
import { inputText, readOwnMetadata } from "./ui-message-stream-chunk.ts";

const roles = ["system", "user", "assistant"] as const;

export interface MessageContext {
  /** Names of tools whose input is text rather than JSON. */
  customTools: ReadonlySet<string>;
  /** Told of everything that says nothing to a model. */
  leftOut: (what: string) => void;
}

/** A UI message is one of ours, or several: each step of an assistant's message is followed by the results of its tools. */
export function readMessage(message: BodyFields, context: MessageContext): Message[] {
  const role = message.oneOf("role", roles) ?? message.fail("role", `one of ${roles.join(", ")}`);
  const parts = message.objects("parts") ?? message.fail("parts", "a list of parts, as the AI SDK's UI messages have");
  if (role !== "assistant") return [{ role, content: parts.flatMap((part) => readPart(part, context)) }];
  return stepsOf(parts).flatMap((step) => {
    if (!Array.isArray(step)) {
      const said = step.objects("parts") ?? [];
      return [{ role: "user" as const, content: said.flatMap((part) => readPart(part, context)) }];
    }
    return readStep(step, context);
  });
}

/** The parts of each step; what a user said while the answer was under way stands between two. */
function stepsOf(parts: readonly BodyFields[]): (BodyFields[] | BodyFields)[] {
  const steps: (BodyFields[] | BodyFields)[] = [];
  let step: BodyFields[] = [];
  for (const part of parts) {
    const type = part.value("type");
    if (type !== "step-start" && type !== "steering-message") {
      step.push(part);
      continue;
    }
    if (step.length > 0) steps.push(step);
    if (type === "steering-message") steps.push(part);
    step = [];
  }
  return step.length > 0 ? [...steps, step] : steps;
}

function readStep(parts: readonly BodyFields[], context: MessageContext): Message[] {
  const said: Part[] = [];
  const results: Part[] = [];
  for (const part of parts) {
    if (!isTool(part)) said.push(...readPart(part, context));
    else readToolCall(part, context, { said, results });
  }
  const messages: Message[] = said.length > 0 ? [{ role: "assistant", content: said }] : [];
  return results.length > 0 ? [...messages, { role: "tool", content: results }] : messages;
}

function isTool(part: BodyFields): boolean {
  const type = part.requiredString("type");
  return type === "dynamic-tool" || type.startsWith("tool-");
}

/** A call goes to what was said, its result after it. Without a result the call is left out: models refuse such a history. */
function readToolCall(
  part: BodyFields,
  context: MessageContext,
  { said, results }: { said: Part[]; results: Part[] },
): void {
  const type = part.requiredString("type");
  const name = type === "dynamic-tool" ? part.requiredString("toolName") : type.slice("tool-".length);
  const callId = part.requiredString("toolCallId");
  const result = readResult(part);
  if (result === undefined) {
    context.leftOut(`messages: the call of ${name}, which has no result`);
    return;
  }
  const input = part.value("input") ?? part.value("rawInput");
  const kind = context.customTools.has(name) ? "custom" : "function";
  said.push({ type: "tool-call", callId, name, argumentsText: inputText(input), kind });
  results.push({ type: "tool-result", callId, name, ...result });
}

function readResult(part: BodyFields): { content: Part[]; isError?: true } | undefined {
  const approval = part.object("approval");
  const denied = (): { content: Part[]; isError: true } => ({
    content: [{ type: "text", text: approval?.string("reason") ?? "The user did not allow this tool call." }],
    isError: true,
  });
  switch (part.string("state")) {
    case "output-available":
      return { content: [{ type: "text", text: outputText(part.value("output")) }] };
    case "output-error":
      return { content: [{ type: "text", text: part.string("errorText") ?? "The tool failed." }], isError: true };
    case "output-denied":
      return denied();
    case "approval-responded":
      return approval?.boolean("approved") === false ? denied() : undefined;
    default:
      return undefined;
  }
}

function outputText(output: Json | undefined): string {
  return typeof output === "string" ? output : JSON.stringify(output ?? null);
}

function readPart(part: BodyFields, { leftOut }: MessageContext): Part[] {
  const type = part.requiredString("type");
  switch (type) {
    case "text": {
      const text = part.requiredString("text");
      if (text === "") return [];
      const { refusal } = readOwnMetadata(part.value("providerMetadata"));
      return [{ type: refusal === true ? "refusal" : "text", text }];
    }
    case "reasoning":
      return readReasoning(part);
    case "file":
      return [readFile(part)];
    default:
      // Sources, data of the application, parts that a later version adds: nothing that a model could be told.
      leftOut(`messages: parts of type ${type.slice(0, 40)}`);
      return [];
  }
}

function readReasoning(part: BodyFields): Part[] {
  const text = part.string("text") ?? "";
  const { signature: sealed, redacted } = readOwnMetadata(part.value("providerMetadata"));
  if (sealed === undefined) return text === "" ? [] : [{ type: "reasoning", text }];
  const { signature, from } = openSignature(sealed, "ui-message-stream");
  return [{ type: "reasoning", text, signature, from, ...(redacted && { redacted }) }];
}

function readFile(part: BodyFields): Part {
  const name = part.string("filename");
  const mediaType = part.string("mediaType") ?? "";
  const source = readSource(part);
  const kind = source.kind === "base64" ? source.mediaType : mediaType;
  if (/^image\b/.test(kind)) return { type: "image", source };
  if (/^audio\b/.test(kind)) return { type: "audio", source };
  return { type: "file", source, ...(name !== undefined && { name }) };
}

const dataUrl = /^data:([^;,]*)(?:;[^;,]*)*;base64,(.*)$/s;

function readSource(part: BodyFields): MediaSource {
  const reference: JsonObject = part.object("providerReference")?.body ?? {};
  const fileId = Object.values(reference).find((id) => typeof id === "string");
  if (typeof fileId === "string") return { kind: "file-id", fileId };
  const url = part.requiredString("url");
  const match = dataUrl.exec(url);
  if (match === null) return { kind: "url", url };
  const [, ownType = "", data = ""] = match;
  return { kind: "base64", mediaType: ownType === "" ? (part.string("mediaType") ?? "") : ownType, data };
}

/** The message that the answer will be added to, because the client has the beginning of it. */
export function continuedMessage(
  messages: readonly BodyFields[],
  messageId: string | undefined,
): JsonObject | undefined {
  const named = messages.find((message) => messageId !== undefined && message.value("id") === messageId);
  const message = (named ?? messages.at(-1))?.body;
  return message?.["role"] === "assistant" && isJsonObject(message) ? message : undefined;
}
