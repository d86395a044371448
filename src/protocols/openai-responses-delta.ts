import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { hole } from "./openai-responses-frame.ts";
import { type OutputItems, type TextStep, addLogprobs, textStreamOf } from "./openai-responses-output.ts";

/** Writes the pieces of one text: all but the piece and the number is made once. */
export class PieceWriter {
  readonly step: TextStep;
  readonly #holder: JsonObject;
  readonly #key: string;
  readonly #beforeNumber: string;
  readonly #beforeText: string;
  readonly #afterText: string;
  readonly hasLogprobs: boolean;
  /** JSON of the padding, which some servers change with every piece. */
  obfuscation: string | undefined;

  private constructor(skeleton: ReadonlyMap<string, Json>, step: TextStep, holder: JsonObject, key: string) {
    this.step = step;
    this.#holder = holder;
    this.#key = key;
    const type = skeleton.get("type") as string;
    this.#beforeNumber = `event: ${type}\ndata: {"type":${JSON.stringify(type)},"sequence_number":`;
    let text = "";
    for (const [name, value] of skeleton) {
      if (name === "type" || name === "obfuscation" || value === hole) continue;
      text += `,${JSON.stringify(name)}:${JSON.stringify(value)}`;
    }
    this.#beforeText = `${text},"delta":`;
    this.#afterText = "}\n\n";
    this.hasLogprobs = skeleton.get("logprobs") === hole;
    this.setObfuscation(skeleton.get("obfuscation"));
  }

  /** Undefined when the event is no piece of a text. */
  static of(skeleton: ReadonlyMap<string, Json>, output: OutputItems): PieceWriter | undefined {
    const text = textStreamOf(skeleton.get("type") as string, ".delta");
    if (text?.step === undefined || skeleton.get("delta") !== hole) return undefined;
    // A piece that names no item of the output is passed on all the same.
    const holder = output.holder(Object.fromEntries(skeleton), text) ?? { [text.key]: "" };
    return new PieceWriter(skeleton, text.step, holder, text.key);
  }

  setObfuscation(value: Json | undefined): void {
    this.obfuscation = value === undefined ? undefined : `,"obfuscation":${JSON.stringify(value)}`;
  }

  write(text: string, sequenceNumber: number, logprobs: Json | undefined): string {
    this.#holder[this.#key] = (this.#holder[this.#key] as string) + text;
    let rest = this.obfuscation ?? "";
    if (this.hasLogprobs) rest += this.#logprobs(logprobs);
    return this.#beforeNumber + sequenceNumber + this.#beforeText + JSON.stringify(text) + rest + this.#afterText;
  }

  #logprobs(logprobs: Json | undefined): string {
    const tokens = tokensOf(logprobs);
    addLogprobs(this.#holder, tokens);
    return `,"logprobs":${JSON.stringify(tokens)}`;
  }
}

/** The list of tokens, which other protocols keep one level deeper. */
export function tokensOf(logprobs: Json | undefined): Json[] {
  const tokens = isJsonObject(logprobs) ? logprobs["content"] : logprobs;
  return Array.isArray(tokens) ? tokens : [];
}

/** The text of a step that goes on with what is being written; undefined for all others. */
export function pieceOf(event: StreamEvent): { step: TextStep; text: string; logprobs?: Json } | undefined {
  switch (event.type) {
    case "text-delta":
      return event.logprobs === undefined
        ? { step: "text", text: event.text }
        : { step: "text", text: event.text, logprobs: event.logprobs };
    case "reasoning-delta":
      return { step: "reasoning", text: event.text };
    case "refusal-delta":
      return { step: "refusal", text: event.text };
    case "tool-call-delta":
      return { step: "arguments", text: event.argumentsText };
    default:
      return undefined;
  }
}
