import type { ErrorReport } from "../core/errors.ts";
import { HeadraceError } from "../core/errors.ts";
import type { FinishReason, StreamEvent, Usage } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { tokensIn } from "../core/usage-estimate.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { longestReason, readFinishReason } from "./openai-chat-finish.ts";
import { readCount } from "./json-values.ts";
import { readCost, readUsage } from "./openai-chat-usage.ts";
import type { EventReader, ProtocolQuirks } from "./protocol.ts";
import { createSseReader } from "./sse.ts";

/** What is kept of the beginning of an answer in one piece, and as much again of its end. */
const keptBytes = 8 * 1024;
/** Longest event of a stream that is looked into. */
const longestFrame = 256 * 1024;

export interface PassedReaderOptions {
  contentType: string;
  /** For an answer in one piece whose provider did not count. */
  estimatedInputTokens: number;
  quirks?: Pick<ProtocolQuirks, "tellsCost">;
}

/**
 * Reads along in an answer that is passed on as it is: what it used, why it ended, and of a stream also its text. What it
 * cannot read it does not report; the bytes are somebody else's concern.
 *
 * Keeps at most 16 KiB of an answer in one piece, since usage is at its end or, with some servers, at its beginning, and
 * one event of a stream.
 */
export function createPassedReader({ contentType, ...options }: PassedReaderOptions): EventReader {
  return contentType.includes("event-stream") ? new StreamReader(options) : new DocumentReader(options);
}

type ReaderOptions = Omit<PassedReaderOptions, "contentType">;

class StreamReader implements EventReader {
  readonly #frames = createSseReader(longestFrame);
  readonly #reasons: FinishReason[] = [];
  #error: ErrorReport | undefined;
  #isDone = false;
  #isLost = false;
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#isLost) return [];
    try {
      return this.#frames.push(bytes).flatMap(({ data }) => this.#read(data));
    } catch {
      // An event that is too long to be looked into: from here on the bytes are only passed on.
      this.#isLost = true;
      return [];
    }
  }

  end(): StreamEvent[] {
    if (this.#error !== undefined) return [{ type: "stream-end", outcome: "failed", error: this.#error }];
    if (this.#isDone || this.#isLost || this.#reasons.length > 0) {
      return [{ type: "stream-end", outcome: outcomeOf(this.#reasons) }];
    }
    const error = new HeadraceError("stream-truncated", "the answer stopped without saying how it ended");
    return [{ type: "stream-end", outcome: "interrupted", error: error.report() }];
  }

  #read(data: string): StreamEvent[] {
    if (data === "[DONE]") {
      this.#isDone = true;
      return [];
    }
    const frame = parseObject(data);
    if (frame === undefined) return [];
    this.#error ??= readStreamError(frame);
    const events = choicesOf(frame).flatMap((choice) => this.#readChoice(choice));
    const usage = usageOf(frame["usage"], this.#options);
    if (usage !== undefined) events.push({ type: "usage", usage });
    return events;
  }

  #readChoice({ text, finish_reason: word }: JsonObject): StreamEvent[] {
    const events: StreamEvent[] = [];
    if (typeof text === "string" && text !== "") events.push({ type: "text-delta", text });
    const reason = reasonOf(word);
    if (reason !== undefined) {
      this.#reasons.push(reason);
      events.push({ type: "finish", reason });
    }
    return events;
  }
}

class DocumentReader implements EventReader {
  readonly #options: ReaderOptions;
  readonly #head = new Uint8Array(keptBytes);
  /** The last bytes behind the head, in a ring that begins at `#tailAt`. */
  #tail: Uint8Array | undefined;
  #tailAt = 0;
  #size = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  push(bytes: Uint8Array): StreamEvent[] {
    const forHead = Math.min(Math.max(keptBytes - this.#size, 0), bytes.byteLength);
    if (forHead > 0) this.#head.set(bytes.subarray(0, forHead), this.#size);
    this.#size += bytes.byteLength;
    if (forHead < bytes.byteLength) this.#keepTail(bytes.subarray(Math.max(forHead, bytes.byteLength - keptBytes)));
    return [];
  }

  end(): StreamEvent[] {
    const [head, tail] = this.#kept();
    const whole = this.#size <= 2 * keptBytes ? parseObject(head + tail) : undefined;
    const error = whole === undefined ? undefined : readStreamError(whole);
    if (error !== undefined) return [{ type: "stream-end", outcome: "failed", error }];
    const counted = whole === undefined ? (findUsage(tail) ?? findUsage(head)) : whole["usage"];
    const usage = usageOf(counted, this.#options);
    const reasons = whole === undefined ? findReasons(tail) : choicesOf(whole).map((choice) => choice["finish_reason"]);
    const known = reasons.flatMap((word) => reasonOf(word) ?? []);
    return [
      { type: "usage", usage: usage ?? this.#estimate(whole, head) },
      ...known.map((reason): StreamEvent => ({ type: "finish", reason })),
      { type: "stream-end", outcome: outcomeOf(known) },
    ];
  }

  #keepTail(bytes: Uint8Array): void {
    this.#tail ??= new Uint8Array(keptBytes);
    const untilEnd = Math.min(keptBytes - this.#tailAt, bytes.byteLength);
    this.#tail.set(bytes.subarray(0, untilEnd), this.#tailAt);
    this.#tail.set(bytes.subarray(untilEnd), 0);
    this.#tailAt = (this.#tailAt + bytes.byteLength) % keptBytes;
  }

  #kept(): [head: string, tail: string] {
    const bytes = new Uint8Array(Math.min(this.#size, 2 * keptBytes));
    bytes.set(this.#head.subarray(0, bytes.byteLength));
    const inTail = bytes.byteLength - keptBytes;
    if (this.#tail !== undefined) {
      const isFull = inTail === keptBytes;
      bytes.set(isFull ? this.#tail.subarray(this.#tailAt) : this.#tail.subarray(0, inTail), keptBytes);
      if (isFull) bytes.set(this.#tail.subarray(0, this.#tailAt), 2 * keptBytes - this.#tailAt);
    }
    // Together where they are neighbours, so that no character is cut between them.
    if (this.#size <= 2 * keptBytes) return [new TextDecoder().decode(bytes), ""];
    const [head, tail] = [bytes.subarray(0, keptBytes), bytes.subarray(keptBytes)];
    return [new TextDecoder().decode(head), new TextDecoder().decode(tail)];
  }

  #estimate(whole: JsonObject | undefined, head: string): Usage {
    const { estimatedInputTokens: inputTokens } = this.#options;
    // Text is most of a long completion; embeddings have no tokens of output.
    let characters = whole === undefined && /"choices"\s*:/.test(head) ? this.#size : 0;
    for (const { text } of choicesOf(whole ?? {})) if (typeof text === "string") characters += text.length;
    return { inputTokens, outputTokens: tokensIn(characters), estimated: true };
  }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // The provider's bytes are passed on whatever they are.
    return undefined;
  }
}

function choicesOf({ choices }: JsonObject): JsonObject[] {
  return Array.isArray(choices) ? choices.filter(isJsonObject) : [];
}

function reasonOf(word: Json | undefined): FinishReason | undefined {
  return typeof word === "string" && word.length <= longestReason ? readFinishReason(word).reason : undefined;
}

/** Some count the tokens of embeddings as a total only. */
function usageOf(value: Json | undefined, { quirks }: ReaderOptions): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const total = readCount(value["total_tokens"]);
  const usage = readUsage(value) ?? (total === undefined ? undefined : { inputTokens: total, outputTokens: 0 });
  const costUsd = quirks?.tellsCost === true ? readCost(value) : undefined;
  if (usage !== undefined && costUsd !== undefined) usage.costUsd = costUsd;
  return usage;
}

/** The last object of this name in a part of a document. In a text its quotes would be escaped. */
function findUsage(part: string): JsonObject | undefined {
  const begin = [...part.matchAll(/"usage"\s*:\s*(?=\{)/g)].at(-1);
  if (begin === undefined) return undefined;
  const text = part.slice(begin.index + begin[0].length);
  // Two levels are all that usage has.
  const object = /^\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\})*\}/.exec(text)?.[0];
  return object === undefined ? undefined : parseObject(object);
}

function findReasons(part: string): string[] {
  return [...part.matchAll(/"finish_reason"\s*:\s*"(\w+)"/g)].map(([, word]) => word as string);
}
