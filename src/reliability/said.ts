import type { FinishReason, Outcome, ProtocolName, StreamEvent, Usage } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import { TextPieces } from "./text-pieces.ts";

/** Protocols whose reasoning is signed, so that nobody can go on with half of it. */
const signing: ReadonlySet<ProtocolName> = new Set(["anthropic-messages", "bedrock-converse", "gemini"]);

/** What may be done about an answer that broke off here. */
export type Recoverable =
  /** Every choice was finished; only the end is missing. */
  | { kind: "complete"; outcome: Outcome }
  /** No visible text yet: a new answer is as good, behind the reasoning that was shown. */
  | { kind: "anew" }
  /** In the middle of text. */
  | { kind: "text" }
  /** What was shown cannot be joined with anything. */
  | { kind: "no"; why: "tool-call" | "reasoning" | "refusal" };

/** Keeps track of what a reader has got of an answer, as far as it matters for going on with it. */
export class Said {
  /** There was anything at all, which is from the first content on. */
  hasBegun = false;
  /** As reported by the attempt that is being read. */
  usage: Usage | undefined;
  /** The provider gives more than one answer, whether or not it was asked to; they are not gone on with. */
  hasOtherChoices = false;
  /** Characters of text and reasoning that no report of usage contains. */
  charactersSinceUsage = 0;
  readonly #text = new TextPieces();
  readonly #reasoning = new TextPieces();
  #protocol: ProtocolName | undefined;
  #hasToolCall = false;
  #hasRefusal = false;
  #hasOpenReasoning = false;
  #finish: FinishReason | undefined;

  /** Visible text of the only choice. */
  get text(): string {
    return this.#text.toString();
  }

  get reasoning(): string {
    return this.#reasoning.toString();
  }

  see(event: StreamEvent): void {
    if ("choice" in event && (event.choice ?? 0) > 0) this.hasOtherChoices = true;
    switch (event.type) {
      case "text-delta":
        this.#text.add(event.text);
        this.charactersSinceUsage += event.text.length;
        this.#hasOpenReasoning = false;
        return;
      case "attempt-start":
        this.hasBegun = true;
        this.#protocol = event.protocol;
        return;
      case "reasoning-delta":
        this.#reasoning.add(event.text);
        this.charactersSinceUsage += event.text.length;
        this.#hasOpenReasoning = true;
        return;
      case "reasoning-signature":
        this.#hasOpenReasoning = false;
        return;
      case "tool-call-start":
        this.#hasToolCall = true;
        return;
      case "refusal-delta":
        this.#hasRefusal = true;
        return;
      case "finish":
        this.#finish = event.reason;
        return;
      case "usage":
        this.usage = event.usage;
        this.charactersSinceUsage = 0;
        break;
      default:
    }
  }

  get recoverable(): Recoverable {
    if (this.#finish !== undefined) return { kind: "complete", outcome: outcomeOf([this.#finish]) };
    if (this.#hasToolCall) return { kind: "no", why: "tool-call" };
    if (this.#hasRefusal) return { kind: "no", why: "refusal" };
    const isSigned = this.#protocol !== undefined && signing.has(this.#protocol);
    if (this.#hasOpenReasoning && isSigned) return { kind: "no", why: "reasoning" };
    return this.#text.isEmpty ? { kind: "anew" } : { kind: "text" };
  }
}
