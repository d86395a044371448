import type { FinishReason, StreamEnd, StreamEvent, Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { FrameDifference } from "./frame-difference.ts";
import { isText, readCount } from "./json-values.ts";
import { textOfArguments } from "./tool-arguments.ts";

/** What differs between the lines of `/api/chat` and of `/api/generate`. */
export interface LineShape {
  protocol: "ollama-chat" | "ollama-generate";
  /** The member that holds text, thinking and calls; undefined when the line itself does. */
  holder: "message" | undefined;
  text: "content" | "response";
}

export const chatLines: LineShape = { protocol: "ollama-chat", holder: "message", text: "content" };
export const generateLines: LineShape = { protocol: "ollama-generate", holder: undefined, text: "response" };

/** What the `extra` of an Ollama event says: how its line's skeleton differs from the line before, and the line's time. */
export interface LineExtra extends FrameDifference {
  /** `created_at`, which is another one in every line. Left out when it is that of the line before. */
  at?: string;
}

export type LineStep = Exclude<
  StreamEvent,
  StreamEnd | { type: "stream-start" | "warning" | "seam" | "attempt-start" }
>;

/** Tells the calls of an answer apart. */
export interface CallNames {
  /** How many calls there were so far. */
  count: number;
  /** The id of a call that came without one: the same bytes give the same id, two answers hardly ever. */
  idOf(name: string, argumentsText: string): string;
}

export const maxCalls = 1024;

/** The object that holds text, thinking and calls. */
export function holderOf(line: JsonObject, { holder }: LineShape): JsonObject | undefined {
  if (holder === undefined) return line;
  const held = line[holder];
  return isJsonObject(held) ? held : undefined;
}

/** Whether the line is one of an answer at all. */
export function isAnswerLine(line: JsonObject, shape: LineShape): boolean {
  if (line["done"] === true) return true;
  return shape.holder === undefined ? typeof line[shape.text] === "string" : holderOf(line, shape) !== undefined;
}

/**
 * The steps of the answer that a line says. Their types depend on the line's skeleton only, so the same function tells
 * which events a skeleton can be filled with.
 */
export function stepsOf(line: JsonObject, shape: LineShape, calls: CallNames): LineStep[] {
  const steps: LineStep[] = [];
  const holder = holderOf(line, shape);
  if (holder !== undefined) {
    if (isText(holder["thinking"])) steps.push({ type: "reasoning-delta", text: holder["thinking"] });
    const text = holder[shape.text];
    if (isText(text)) {
      const logprobs = readLogprobs(line["logprobs"]);
      steps.push(logprobs === undefined ? { type: "text-delta", text } : { type: "text-delta", text, logprobs });
    }
    const entries = holder["tool_calls"];
    if (Array.isArray(entries)) for (const entry of entries) steps.push(...readCall(entry, calls));
  }
  if (line["done"] === true) {
    steps.push({ type: "finish", ...readDoneReason(line["done_reason"], calls.count > 0) });
    const usage = readUsage(line);
    if (usage !== undefined) steps.push({ type: "usage", usage });
  }
  return steps;
}

function readCall(entry: Json, calls: CallNames): LineStep[] {
  const body = isJsonObject(entry) ? entry["function"] : undefined;
  if (!isJsonObject(entry) || !isJsonObject(body) || !isText(body["name"])) return [];
  const name = body["name"];
  const argumentsText = textOfArguments(body["arguments"]);
  const callId = isText(entry["id"]) ? entry["id"] : calls.idOf(name, argumentsText);
  const call = calls.count++;
  const start: LineStep = { type: "tool-call-start", call, callId, name, kind: "function" };
  return argumentsText === "" ? [start] : [start, { type: "tool-call-delta", call, argumentsText }];
}

/** Ollama's list as OpenAI writes it, whose clients expect every member. */
function readLogprobs(value: Json | undefined): JsonObject | undefined {
  if (!Array.isArray(value)) return undefined;
  const token = (entry: Json): JsonObject[] =>
    isJsonObject(entry) ? [{ token: entry["token"], logprob: entry["logprob"], bytes: entry["bytes"] ?? null }] : [];
  const content = value.flatMap((entry) => {
    const top = isJsonObject(entry) && Array.isArray(entry["top_logprobs"]) ? entry["top_logprobs"] : [];
    return token(entry).map((own) => ({ ...own, top_logprobs: top.flatMap(token) }));
  });
  return { content, refusal: null };
}

const reasons: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  length: "length",
  content_filter: "content_filter",
  error: "error",
};

const longestReason = 64;

function readDoneReason(word: Json | undefined, hasCalls: boolean): { reason: FinishReason; providerReason?: string } {
  const known = typeof word === "string" && Object.hasOwn(reasons, word) ? reasons[word] : undefined;
  // Ollama says `stop` for calls, too, and older servers say nothing at all.
  const natural = hasCalls ? "tool_calls" : "stop";
  const reason = known === "stop" || !isText(word) ? natural : (known ?? "other");
  const isNews = isText(word) && word !== reason && word.length <= longestReason;
  return isNews ? { reason, providerReason: word } : { reason };
}

function readUsage(line: JsonObject): Usage | undefined {
  const inputTokens = readCount(line["prompt_eval_count"]);
  const outputTokens = readCount(line["eval_count"]);
  // A prompt that was cached as a whole is not counted.
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
}
