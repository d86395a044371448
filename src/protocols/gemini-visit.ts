import type { ErrorReport } from "../core/errors.ts";
import type { FinishReason, StreamEnd, StreamEvent, TextDelta } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { breachOf } from "./answer-end.ts";
import { type Field, mark } from "./gemini-chunk.ts";
import { readCitations } from "./gemini-citations.ts";
import { isReasonWord, readFinishReason, writeFinishReason } from "./gemini-finish.ts";
import { readLogprobs } from "./gemini-logprobs.ts";
import { countNames, isCount, readUsage } from "./gemini-usage.ts";
import { isText } from "./json-values.ts";

export type StepEvent = Exclude<StreamEvent, StreamEnd | { type: "stream-start" | "warning" | "seam" }>;

/** What the reader keeps of a candidate. */
export interface ReadChoice {
  /** What its events say of whose they are. */
  of: { choice?: number };
  calls: number;
  /** Its visible text so far, which citations point into. */
  text: string[];
  cited: Set<string>;
  finished?: FinishReason;
}

const maxChoice = 127;
const maxCalls = 1024;

/** Takes the steps of an answer out of one chunk, and leaves marks in their places. */
export class ChunkVisit {
  readonly events: StepEvent[] = [];
  /** How many marks there are. */
  marks = 0;
  error: ErrorReport | undefined;
  readonly #choices: Map<number, ReadChoice>;
  readonly #responseId: string;

  constructor(choices: Map<number, ReadChoice>, responseId: string) {
    this.#choices = choices;
    this.#responseId = responseId;
  }

  read(chunk: JsonObject): void {
    const candidates = Array.isArray(chunk["candidates"]) ? chunk["candidates"] : [];
    candidates.forEach((candidate, position) => {
      if (isJsonObject(candidate)) this.#candidate(candidate, position);
    });
    if (candidates.length === 0 && isJsonObject(chunk["promptFeedback"])) this.#promptFeedback(chunk["promptFeedback"]);
    if (isJsonObject(chunk["usageMetadata"])) this.#usage(chunk["usageMetadata"]);
    if (this.events.length === 0) this.events.push({ type: "vendor-frame" });
  }

  #candidate(candidate: JsonObject, position: number): void {
    const { index = position, content } = candidate;
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index > maxChoice) {
      this.#breach("a candidate whose index is out of range");
      return;
    }
    const choice = this.#choice(index);
    const before = this.events.length;
    const parts = isJsonObject(content) && Array.isArray(content["parts"]) ? content["parts"] : [];
    for (const part of parts) if (isJsonObject(part)) this.#part(part, choice);
    this.#logprobs(candidate, before);
    this.#citations(candidate, choice);
    this.#finish(candidate, choice);
    if (this.events.length > before && candidate["index"] === index) this.#mark(candidate, "index", "choice");
  }

  #choice(index: number): ReadChoice {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = { of: index === 0 ? {} : { choice: index }, calls: 0, text: [], cited: new Set() };
      this.#choices.set(index, choice);
    }
    return choice;
  }

  #part(part: JsonObject, choice: ReadChoice): void {
    const { text, thoughtSignature, functionCall } = part;
    if (isText(thoughtSignature)) {
      this.events.push({ type: "reasoning-signature", ...choice.of, signature: thoughtSignature });
      this.#mark(part, "thoughtSignature", "signature");
    }
    if (isText(text)) {
      const isThought = part["thought"] === true;
      this.events.push({ type: isThought ? "reasoning-delta" : "text-delta", ...choice.of, text });
      if (!isThought) choice.text.push(text);
      this.#mark(part, "text", "text");
    } else if (isJsonObject(functionCall)) {
      this.#call(functionCall, choice);
    }
  }

  #call(call: JsonObject, choice: ReadChoice): void {
    const { name, id, args } = call;
    // Calls in pieces come only to those who asked for them in Google's own words; nobody else could read them.
    if (!isText(name) || call["willContinue"] === true || call["partialArgs"] !== undefined) return;
    if (choice.calls === maxCalls) {
      this.#breach("too many function calls");
      return;
    }
    const position = choice.calls++;
    const callId = isText(id) ? id : this.#callId(choice, position);
    this.events.push({ type: "tool-call-start", ...choice.of, call: position, callId, name, kind: "function" });
    this.#mark(call, "name", "name");
    if (callId === id) this.#mark(call, "id", "callId");
    const argumentsText = isJsonObject(args) ? JSON.stringify(args) : "{}";
    this.events.push({ type: "tool-call-delta", ...choice.of, call: position, argumentsText });
    if (isJsonObject(args)) this.#mark(call, "args", "arguments");
  }

  /** Google leaves ids out, and a conversation needs them to be unique; other vendors take 40 characters of a few kinds. */
  #callId({ of }: ReadChoice, position: number): string {
    const name = this.#responseId.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 24);
    return ["call", name, of.choice, position].filter((part) => part !== undefined && part !== "").join("_");
  }

  #logprobs(candidate: JsonObject, before: number): void {
    const result = candidate["logprobsResult"];
    const event = this.events.slice(before).find((one): one is TextDelta => one.type === "text-delta");
    const logprobs = isJsonObject(result) ? readLogprobs(result) : undefined;
    if (event !== undefined && logprobs !== undefined) event.logprobs = logprobs;
  }

  #citations(candidate: JsonObject, choice: ReadChoice): void {
    if (candidate["groundingMetadata"] === undefined && candidate["citationMetadata"] === undefined) return;
    for (const citation of readCitations(candidate, choice.text.join(""))) {
      // Google repeats what it has said of its sources in later chunks.
      const key = JSON.stringify(citation);
      if (choice.cited.has(key)) continue;
      choice.cited.add(key);
      this.events.push({ type: "citation", ...choice.of, citation });
    }
  }

  #finish(candidate: JsonObject, choice: ReadChoice): void {
    const word = candidate["finishReason"];
    const finish = typeof word === "string" ? readFinishReason(word, choice.calls > 0) : undefined;
    if (finish === undefined) return;
    if (finish.reason === "malformed_tool_call" || finish.reason === "error") {
      const wasCall = finish.reason === "malformed_tool_call";
      const message = wasCall ? "the model called a tool in a way that cannot be read" : "the provider gave up";
      this.error ??= { code: "provider-error", message, ...finishCode(finish) };
      return;
    }
    // Some servers repeat the reason in a later chunk.
    if (choice.finished === finish.reason) return;
    choice.finished = finish.reason;
    this.events.push({ type: "finish", ...choice.of, ...finish });
    if (writeFinishReason(finish) === word) this.#mark(candidate, "finishReason", "finish");
  }

  /** A prompt that was blocked has no candidates, and that is the whole answer. */
  #promptFeedback({ blockReason }: JsonObject): void {
    if (!isText(blockReason) || blockReason.startsWith("BLOCK_REASON_UNSPECIFIED")) return;
    const choice = this.#choice(0);
    if (choice.finished !== undefined) return;
    choice.finished = "content_filter";
    const said = isReasonWord(blockReason) ? { providerReason: blockReason } : {};
    this.events.push({ type: "finish", reason: "content_filter", ...said });
  }

  #usage(metadata: JsonObject): void {
    const usage = readUsage(metadata);
    if (usage === undefined) return;
    this.events.push({ type: "usage", usage });
    // What was added up cannot be told from the sum.
    if (metadata["toolUsePromptTokenCount"] !== undefined) return;
    const counted = countNames.filter((name) => metadata[name] !== undefined);
    if (!counted.every((name) => isCount(metadata[name]))) return;
    for (const name of counted) this.#mark(metadata, name, name);
  }

  /** The value has gone into the last event. */
  #mark(holder: JsonObject, key: string, field: Field): void {
    holder[key] = mark(this.events.length - 1, field);
    this.marks += 1;
  }

  #breach(what: string): void {
    this.error ??= breachOf(what);
  }
}

function finishCode({ providerReason }: { providerReason?: string }): { providerCode?: string } {
  return providerReason === undefined ? {} : { providerCode: providerReason };
}
