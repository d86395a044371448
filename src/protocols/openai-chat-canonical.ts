import type { FinishReason, ProtocolName, StreamEvent, Usage } from "../core/events.ts";
import type { Json } from "../core/json.ts";
import { writeAnnotation, writeReasoningDetail } from "./openai-chat-details.ts";
import { finishReasonOf, writeFinishReason } from "./openai-chat-finish.ts";
import { writeUsage } from "./openai-chat-usage.ts";

/** What all chunks of an answer have in common. */
export interface ChunkHead {
  id: Json;
  created: Json;
  model: Json;
}

interface WrittenChoice {
  hasRole: boolean;
  isFinished: boolean;
  /** Of the block that a signature may still come for. */
  reasoning: string;
}

/** Writes chunks as OpenAI's own clients expect them: for events that come from other protocols, or from user code. */
export class CanonicalChunks {
  readonly #includeUsage: boolean;
  readonly #choices = new Map<number, WrittenChoice>();
  readonly #customCalls = new Set<string>();
  /** Who signs the reasoning of this attempt; what has no protocol is read by nobody but us. */
  #from: ProtocolName = "events";
  #prefix = "";
  #suffix = "";
  #usage: Usage | undefined;

  constructor(includeUsage: boolean) {
    this.#includeUsage = includeUsage;
  }

  setHead({ id, created, model }: ChunkHead): void {
    const head = JSON.stringify({ id, object: "chat.completion.chunk", created, model });
    this.#prefix = `${head.slice(0, -1)},"choices":[`;
    this.#suffix = this.#includeUsage ? `],"usage":null}` : "]}";
  }

  /** JSON of the chunks that this event becomes. */
  write(event: StreamEvent): string[] {
    const choice = "choice" in event ? (event.choice ?? 0) : 0;
    switch (event.type) {
      case "attempt-start":
        this.#from = event.protocol ?? "events";
        for (const written of this.#choices.values()) written.reasoning = "";
        // Clients learn at once that the answer begins.
        return this.#choices.size === 0 ? this.#open(0) : [];
      case "text-delta": {
        const logprobs = event.logprobs === undefined ? "null" : JSON.stringify(event.logprobs);
        return this.#delta(choice, `{"content":${JSON.stringify(event.text)}}`, logprobs);
      }
      case "reasoning-delta":
        this.#choice(choice).reasoning += event.text;
        return this.#delta(choice, `{"reasoning_content":${JSON.stringify(event.text)}}`);
      case "reasoning-signature": {
        const { reasoning: text } = this.#choice(choice);
        this.#choice(choice).reasoning = "";
        const detail = writeReasoningDetail({ ...event, text }, this.#from);
        return this.#delta(choice, JSON.stringify({ reasoning_details: [detail] }));
      }
      case "citation": {
        const annotation = writeAnnotation(event.citation);
        return annotation === undefined ? [] : this.#delta(choice, JSON.stringify({ annotations: [annotation] }));
      }
      case "block-start":
        this.#choice(choice).reasoning = "";
        return [];
      case "refusal-delta":
        return this.#delta(choice, `{"refusal":${JSON.stringify(event.text)}}`);
      case "tool-call-start": {
        const { call, callId, name, kind } = event;
        const isCustom = kind === "custom";
        if (isCustom) this.#customCalls.add(`${choice} ${call}`);
        const body = isCustom ? { custom: { name, input: "" } } : { function: { name, arguments: "" } };
        return this.#delta(choice, JSON.stringify({ tool_calls: [{ index: call, id: callId, type: kind, ...body }] }));
      }
      case "tool-call-delta": {
        const { call, argumentsText } = event;
        const isCustom = this.#customCalls.has(`${choice} ${call}`);
        const body = isCustom ? { custom: { input: argumentsText } } : { function: { arguments: argumentsText } };
        return this.#delta(choice, JSON.stringify({ tool_calls: [{ index: call, ...body }] }));
      }
      case "finish":
        return this.#finish(choice, event.reason);
      case "usage":
        // Providers may report more than once; clients want the last word, after the finish.
        this.#usage = event.usage;
        return [];
      default:
        return [];
    }
  }

  /** Chunks that close a whole answer. */
  close(outcome: "completed" | "length" | "content_filter"): string[] {
    const chunks: string[] = [];
    if (this.#choices.size === 0) chunks.push(...this.#open(0));
    for (const [index, { isFinished }] of this.#choices) {
      if (!isFinished) chunks.push(...this.#finish(index, finishReasonOf(outcome)));
    }
    if (this.#includeUsage && this.#usage !== undefined) {
      chunks.push(`${this.#prefix}],"usage":${JSON.stringify(writeUsage(this.#usage))}}`);
    }
    return chunks;
  }

  /** Notes what a frame that was written otherwise has told of a choice. */
  note(choice: number, told: "role" | "finish"): void {
    const written = this.#choice(choice);
    if (told === "role") written.hasRole = true;
    else written.isFinished = true;
  }

  /** A frame that was written otherwise has told the usage. */
  forgetUsage(): void {
    this.#usage = undefined;
  }

  #choice(index: number): WrittenChoice {
    let choice = this.#choices.get(index);
    if (choice === undefined) this.#choices.set(index, (choice = { hasRole: false, isFinished: false, reasoning: "" }));
    return choice;
  }

  #open(index: number): string[] {
    this.#choice(index).hasRole = true;
    return [this.#chunk(index, `{"role":"assistant","content":"","refusal":null}`, "null", "null")];
  }

  #delta(index: number, delta: string, logprobs = "null"): string[] {
    const chunk = this.#chunk(index, delta, logprobs, "null");
    return this.#choice(index).hasRole ? [chunk] : [...this.#open(index), chunk];
  }

  #finish(index: number, reason: FinishReason): string[] {
    const word = writeFinishReason(reason);
    if (word === undefined) return [];
    this.#choice(index).isFinished = true;
    const chunk = this.#chunk(index, "{}", "null", `"${word}"`);
    return this.#choice(index).hasRole ? [chunk] : [...this.#open(index), chunk];
  }

  #chunk(index: number, delta: string, logprobs: string, finishReason: string): string {
    return `${this.#prefix}{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finishReason}}${this.#suffix}`;
  }
}
