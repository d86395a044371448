import type { ErrorReport } from "./errors.ts";
import { assertNever } from "./errors.ts";
import type { AttemptStart, Citation, FinishReason, Outcome, StreamEvent, StreamStart, Usage } from "./events.ts";
import type { Json, JsonObject } from "./json.ts";

export type Block =
  | { kind: "text"; text: string; logprobs?: Json[]; citations?: Citation[] }
  | { kind: "reasoning"; text: string; signature?: string; redacted?: true }
  | { kind: "refusal"; text: string }
  | { kind: "tool-call"; toolKind: "function" | "custom"; callId: string; name: string; argumentsText: string };

export interface Choice {
  blocks: Block[];
  finishReason?: FinishReason;
}

/** A whole answer, or as much of it as there is: the fold of a stream's events. */
export interface Answer {
  start?: StreamStart;
  attempt?: AttemptStart;
  choices: Choice[];
  usage?: Usage;
  /** What the attempt's protocol said beyond that in the frame that finished the answer; see `FromProvider.extra`. */
  lastExtra?: JsonObject;
  /** What was left out or changed on the way to the provider. */
  warnings?: string[];
  /** Missing while the stream is open. */
  outcome?: Outcome;
  error?: ErrorReport;
}

/** Adds one event at a time to an answer. */
export class AnswerFold {
  readonly answer: Answer = { choices: [] };
  readonly #states: ChoiceState[] = [];

  add(event: StreamEvent): void {
    if (event.type === "vendor-frame" || event.type === "seam") return;
    switch (event.type) {
      case "stream-start":
        this.answer.start = event;
        return;
      case "attempt-start":
        // What the answer is called is decided by the first attempt; later ones go on with it.
        this.answer.attempt ??= event;
        return;
      case "block-start":
        this.#choice(event.choice).open(event.kind);
        return;
      case "block-end":
        this.#choice(event.choice).close();
        return;
      case "text-delta": {
        const block = this.#choice(event.choice).block("text");
        block.text += event.text;
        if (event.logprobs !== undefined) (block.logprobs ??= []).push(event.logprobs);
        return;
      }
      case "reasoning-delta":
        this.#choice(event.choice).block("reasoning").text += event.text;
        return;
      case "reasoning-signature": {
        const block = this.#choice(event.choice).block("reasoning");
        block.signature = (block.signature ?? "") + event.signature;
        if (event.redacted === true) block.redacted = true;
        return;
      }
      case "refusal-delta":
        this.#choice(event.choice).block("refusal").text += event.text;
        return;
      case "tool-call-start":
        this.#choice(event.choice).startCall(event.call, event);
        return;
      case "tool-call-delta":
        this.#choice(event.choice).extendCall(event.call, event.argumentsText);
        return;
      case "citation": {
        const block = this.#choice(event.choice).block("text");
        (block.citations ??= []).push(event.citation);
        return;
      }
      case "warning":
        (this.answer.warnings ??= []).push(event.message);
        return;
      case "finish":
        this.#choice(event.choice).choice.finishReason = event.reason;
        if (event.extra !== undefined) this.answer.lastExtra = event.extra;
        return;
      case "usage":
        this.answer.usage = event.usage;
        if (event.extra !== undefined) this.answer.lastExtra = event.extra;
        return;
      case "stream-end":
        this.answer.outcome = event.outcome;
        if (event.error !== undefined) this.answer.error = event.error;
        return;
      default:
        assertNever(event);
    }
  }

  #choice(index = 0): ChoiceState {
    for (let next = this.#states.length; next <= index; next++) {
      const state = new ChoiceState();
      this.#states.push(state);
      this.answer.choices.push(state.choice);
    }
    return this.#states[index] as ChoiceState;
  }
}

type TextBlock<Kind> = Extract<Block, { kind: Kind }>;

class ChoiceState {
  readonly choice: Choice = { blocks: [] };
  #current: Block | undefined;
  readonly #calls: TextBlock<"tool-call">[] = [];

  open(kind: "text" | "reasoning" | "refusal"): Block {
    const block: Block = { kind, text: "" };
    this.#current = block;
    this.choice.blocks.push(block);
    return block;
  }

  close(): void {
    this.#current = undefined;
  }

  /** The current block when it is of this kind, else a new one. */
  block<Kind extends "text" | "reasoning" | "refusal">(kind: Kind): TextBlock<Kind> {
    const block = this.#current?.kind === kind ? this.#current : this.open(kind);
    return block as TextBlock<Kind>;
  }

  startCall(call: number, start: { callId: string; name: string; kind: "function" | "custom" }): void {
    const block: TextBlock<"tool-call"> = {
      kind: "tool-call",
      toolKind: start.kind,
      callId: start.callId,
      name: start.name,
      argumentsText: "",
    };
    this.#calls[call] = block;
    this.#current = block;
    this.choice.blocks.push(block);
  }

  extendCall(call: number, argumentsText: string): void {
    const block = this.#calls[call];
    if (block !== undefined) block.argumentsText += argumentsText;
  }
}

/** The answer that these events add up to. */
export function foldAnswer(events: Iterable<StreamEvent>): Answer {
  const fold = new AnswerFold();
  for (const event of events) fold.add(event);
  return fold.answer;
}

/** The visible text of one choice. */
export function answerText(answer: Answer, choice = 0): string {
  const blocks = answer.choices[choice]?.blocks ?? [];
  return blocks.map((block) => (block.kind === "text" ? block.text : "")).join("");
}
