import { HeadraceError } from "../core/errors.ts";
import type { Citation, Finish, Outcome, ProtocolName, StreamEvent, Usage } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { writeGrounding } from "./gemini-citations.ts";
import { writeFinishReason } from "./gemini-finish.ts";
import { writeLogprobs } from "./gemini-logprobs.ts";
import { CanonicalCalls } from "./gemini-tool-calls.ts";
import { writeUsage } from "./gemini-usage.ts";
import { sealSignature } from "./signatures.ts";

/** What all chunks of an answer have in common. */
export interface ChunkHead {
  modelVersion: string;
  responseId: string;
}

interface WrittenChoice {
  calls: CanonicalCalls;
  /** A signature that waits for the part it belongs to. */
  signature: string;
  /** Visible text, for citations. */
  text: string[];
  textSize: number;
  /** Where the text block begins that citations count from. */
  blockStart: number;
  inText: boolean;
  citations: Citation[];
  finish?: Finish;
  isFinished: boolean;
}

/**
 * Writes chunks as Google's own client expects them: each with a part in it, function calls whole, and the finish last,
 * with the usage. For events that come from other protocols, or from user code.
 */
export class CanonicalChunks {
  readonly #choices = new Map<number, WrittenChoice>();
  #head: ChunkHead = { modelVersion: "", responseId: "" };
  /** What each chunk ends with; made when it is needed, since usage may come with every chunk of a provider. */
  #tail: string | undefined;
  #usage: Usage | undefined;
  #from: ProtocolName | undefined;

  setHead(head: ChunkHead): void {
    this.#head = head;
    this.#tail = undefined;
  }

  /** Whose signatures the following events carry. */
  setOrigin(from: ProtocolName | undefined): void {
    this.#from = from;
  }

  setUsage(usage: Usage): void {
    this.#usage = usage;
    this.#tail = undefined;
  }

  /** JSON of the chunks that this event becomes. */
  write(event: StreamEvent): string[] {
    const index = "choice" in event ? (event.choice ?? 0) : 0;
    const { calls } = this.#choice(index);
    if (calls.hasOpen && endsCalls.has(event.type)) {
      return [...this.#parts(index, calls.take(false)), ...this.#write(event, index)];
    }
    return this.#write(event, index);
  }

  #write(event: StreamEvent, index: number): string[] {
    switch (event.type) {
      case "text-delta":
        return this.#text(index, event.text, event.logprobs);
      case "refusal-delta":
        return this.#text(index, event.text);
      case "reasoning-delta":
        return [
          ...this.#flushSignature(index),
          ...this.#part(index, `{"text":${JSON.stringify(event.text)},"thought":true}`),
        ];
      case "reasoning-signature":
        return this.#signature(index, event.signature, event.redacted === true);
      case "block-start":
        this.#choice(index).inText = false;
        return event.kind === "reasoning" ? this.#flushSignature(index) : [];
      case "tool-call-start":
        this.#choice(index).calls.start(event);
        return [];
      case "tool-call-delta":
        this.#choice(index).calls.extend(event);
        return [];
      case "citation":
        this.#cite(index, event.citation);
        return [];
      case "finish":
        // Usage may still come, and belongs into the last chunk.
        this.#choice(index).finish = event;
        return [];
      case "usage":
        this.setUsage(event.usage);
        return [];
      default:
        return [];
    }
  }

  /**
   * Chunks that close a whole answer.
   *
   * @throws HeadraceError `interrupted-tool-call` - it ended as if it were whole, but the arguments of a call are not.
   */
  close(outcome: Outcome): string[] {
    if (this.#choices.size === 0) this.#choice(0);
    return [...this.#choices].flatMap(([index, choice]) => (choice.isFinished ? [] : this.#close(index, outcome)));
  }

  /** Notes what a chunk that was written otherwise has told. */
  note(event: StreamEvent): void {
    if (event.type === "usage") this.setUsage(event.usage);
    if (event.type === "finish") this.#choice(event.choice ?? 0).isFinished = true;
    // The choice is there, so that it will be closed.
    else if ("choice" in event || event.type === "text-delta") this.#choice(event.choice ?? 0);
  }

  #close(index: number, outcome: Outcome): string[] {
    const choice = this.#choice(index);
    const finish = choice.finish ?? { type: "finish", reason: reasonOf(outcome) };
    const isCut = finish.reason === "length" || finish.reason === "context_full" || finish.reason === "content_filter";
    const chunks = this.#parts(index, choice.calls.take(true));
    if (choice.calls.hasOpen && !isCut) {
      throw new HeadraceError("interrupted-tool-call", "the arguments of a function call broke off");
    }
    choice.isFinished = true;
    const word = writeFinishReason({ reason: finish.reason }) ?? "OTHER";
    const grounding =
      choice.citations.length === 0
        ? ""
        : `,"groundingMetadata":${JSON.stringify(writeGrounding(choice.citations, choice.text.join("")))}`;
    return [...chunks, ...this.#part(index, `{"text":""}`, `,"finishReason":"${word}"${grounding}`)];
  }

  #text(index: number, text: string, logprobs?: Json): string[] {
    const choice = this.#choice(index);
    if (!choice.inText) choice.blockStart = choice.textSize;
    choice.inText = true;
    choice.text.push(text);
    choice.textSize += text.length;
    const result: JsonObject | undefined = logprobs === undefined ? undefined : writeLogprobs([logprobs]);
    return this.#part(
      index,
      `{"text":${JSON.stringify(text)}}`,
      result === undefined ? "" : `,"logprobsResult":${JSON.stringify(result)}`,
    );
  }

  #cite(index: number, citation: Citation): void {
    const choice = this.#choice(index);
    const { startIndex, endIndex } = citation;
    choice.citations.push({
      ...citation,
      ...(startIndex !== undefined && { startIndex: startIndex + choice.blockStart }),
      ...(endIndex !== undefined && { endIndex: endIndex + choice.blockStart }),
    });
  }

  #signature(index: number, signature: string, redacted: boolean): string[] {
    const chunks = redacted ? this.#flushSignature(index) : [];
    this.#choice(index).signature += signature;
    return chunks;
  }

  /** The signature goes into a part without text when the next one is not its own. */
  #flushSignature(index: number): string[] {
    return this.#choice(index).signature === "" ? [] : this.#part(index, `{"text":""}`);
  }

  #parts(index: number, parts: readonly string[]): string[] {
    return parts.flatMap((part) => this.#part(index, part));
  }

  /** One chunk; the signature that waits goes into its part, unless that is a thought. */
  #part(index: number, part: string, more = ""): string[] {
    const choice = this.#choice(index);
    if (!part.startsWith(`{"text"`) || part.endsWith("true}")) choice.inText = false;
    let written = part;
    if (choice.signature !== "") {
      const { signature } = choice;
      choice.signature = "";
      // Code of a user's own signs nothing that anybody could check.
      if (this.#from !== undefined) {
        const sealed = sealSignature({ signature, from: this.#from }, "gemini");
        written = `${part.slice(0, -1)},"thoughtSignature":${JSON.stringify(sealed)}}`;
      }
    }
    this.#tail ??= this.#makeTail();
    return [`{"candidates":[{"content":{"parts":[${written}],"role":"model"}${more},"index":${index}}]${this.#tail}`];
  }

  #makeTail(): string {
    const usage = this.#usage === undefined ? "" : `,"usageMetadata":${JSON.stringify(writeUsage(this.#usage))}`;
    const { modelVersion, responseId } = this.#head;
    return `${usage},${JSON.stringify({ modelVersion, responseId }).slice(1)}`;
  }

  #choice(index: number): WrittenChoice {
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = {
        calls: new CanonicalCalls(),
        signature: "",
        text: [],
        textSize: 0,
        blockStart: 0,
        inText: false,
        citations: [],
        isFinished: false,
      };
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

/** What a tool call is over with, unless calls are interleaved. */
const endsCalls: ReadonlySet<StreamEvent["type"]> = new Set([
  "text-delta",
  "refusal-delta",
  "reasoning-delta",
  "reasoning-signature",
  "block-start",
  "block-end",
] as const);

/** For a choice that nobody finished though the answer is whole. */
function reasonOf(outcome: Outcome): Finish["reason"] {
  return outcome === "length" || outcome === "content_filter" ? outcome : "stop";
}
