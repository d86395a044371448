import { HeadraceError } from "../core/errors.ts";
import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, StreamEvent } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { AnswerEnd, truncated } from "./answer-end.ts";
import { frameDifference } from "./frame-difference.ts";
import { isText, parseObject } from "./json-values.ts";
import { LineReader } from "./ndjson.ts";
import { readLineError } from "./ollama-errors.ts";
import type { CallNames, LineExtra, LineShape, LineStep } from "./ollama-line.ts";
import { holderOf, isAnswerLine, maxCalls, stepsOf } from "./ollama-line.ts";
import type { RepeatedLine } from "./ollama-repeated.ts";
import { repeatedLine } from "./ollama-repeated.ts";
import { hole } from "./openai-chat-chunk.ts";
import type { EventReader } from "./protocol.ts";

/** Makes events of lines. The answer is complete with the line that says `done`, and with nothing else. */
export class OllamaReader implements EventReader {
  readonly #shape: LineShape;
  readonly #lines = new LineReader();
  readonly #calls: CallNames;
  readonly #end = new AnswerEnd();
  /** The skeleton of the line before; undefined until the first one. */
  #previous: JsonObject | undefined;
  #at = "";
  #repeated: RepeatedLine | undefined;

  constructor(shape: LineShape) {
    this.#shape = shape;
    const idOf = (name: string, argumentsText: string): string =>
      `call_${fingerprint(`${this.#at} ${this.#calls.count} ${name} ${argumentsText}`)}`;
    this.#calls = { count: 0, idOf };
  }

  push(bytes: Uint8Array): StreamEvent[] {
    if (this.#end.isReached) return [];
    try {
      const lines = this.#lines.push(bytes);
      const [first] = lines;
      if (lines.length === 1 && first !== undefined) return this.#read(first);
      return lines.flatMap((line) => this.#read(line));
    } catch (error) {
      if (error instanceof HeadraceError) return this.#end.fail(error.report());
      throw error;
    }
  }

  end(): StreamEvent[] {
    if (this.#end.isReached) return [];
    const line = parseObject(this.#lines.end());
    const events = line === undefined ? [] : this.#readObject(line, undefined);
    return [...events, ...this.#end.fail(truncated)];
  }

  #read(text: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    const repetition = this.#repeated?.read(text);
    if (repetition !== undefined) {
      const { type, text: delta, at } = repetition;
      if (at === this.#at) return [{ type, text: delta }];
      this.#at = at;
      return [{ type, text: delta, extra: { at } }];
    }
    if (text.trim() === "") return [];
    const line = parseObject(text);
    // Lines stand for themselves, so one that is broken costs its own text only.
    if (line === undefined) return this.#end.malformed("lines in a row that are no JSON; check its base URL");
    this.#end.wellFormed();
    return this.#readObject(line, text);
  }

  #readObject(line: JsonObject, text: string | undefined): StreamEvent[] {
    const error = readLineError(line);
    if (error !== undefined) return this.#end.fail(error);
    // Until the answer begins, anything else is chatter of a proxy.
    if (this.#previous === undefined && !isAnswerLine(line, this.#shape)) return [];
    delete line["__proto__"];
    const start = this.#previous === undefined ? this.#start(line) : undefined;
    const at = line["created_at"];
    const isNewTime = isText(at) && at !== this.#at;
    if (isNewTime) this.#at = at;
    const steps = stepsOf(line, this.#shape, this.#calls);
    if (this.#calls.count > maxCalls) return this.#end.fail(tooManyCalls);
    const finish = steps.find((step) => step.type === "finish");
    if (finish?.reason === "error") return this.#end.fail(gaveUp);

    digHoles(line, this.#shape);
    const extra: LineExtra = frameDifference(this.#previous ?? {}, line) ?? {};
    this.#previous = line;
    this.#repeated = text === undefined || extra.set || extra.unset ? undefined : this.#repetitionOf(text, steps);
    if (isNewTime) extra.at = at;
    const events: StreamEvent[] = assemble(start, steps, extra, this.#shape);
    return finish === undefined ? events : [...events, ...this.#end.complete(outcomeOf([finish.reason]))];
  }

  #start(line: JsonObject): AttemptStart {
    const { model } = line;
    this.#previous = isText(model) ? { model } : {};
    return { type: "attempt-start", provider: "", model: isText(model) ? model : "", protocol: this.#shape.protocol };
  }

  #repetitionOf(text: string, steps: readonly LineStep[]): RepeatedLine | undefined {
    const [step] = steps;
    if (steps.length !== 1 || step === undefined) return undefined;
    if (step.type !== "reasoning-delta" && (step.type !== "text-delta" || step.logprobs !== undefined))
      return undefined;
    const key = step.type === "text-delta" ? this.#shape.text : "thinking";
    return repeatedLine(text, step, { key, at: this.#at });
  }
}

const tooManyCalls: ErrorReport = {
  code: "provider-error",
  message: `the provider's answer has more than ${maxCalls} tool calls`,
};
const gaveUp: ErrorReport = { code: "provider-error", message: "the provider gave up on the answer" };

/** Makes the line a skeleton: where a value went into an event or into `at`, a hole is left. */
function digHoles(line: JsonObject, shape: LineShape): void {
  if (isText(line["created_at"])) line["created_at"] = hole;
  const holder = holderOf(line, shape);
  if (holder === undefined) return;
  for (const key of ["thinking", shape.text]) if (isText(holder[key])) holder[key] = hole;
}

/** What all events of one line are marked with. */
function assemble(
  start: AttemptStart | undefined,
  steps: readonly LineStep[],
  extra: LineExtra,
  shape: LineShape,
): StreamEvent[] {
  const events: (AttemptStart | LineStep)[] = start === undefined ? [...steps] : [start, ...steps];
  if (start !== undefined && steps.length === 0) events.push({ type: "vendor-frame" });
  if (events.length === 0) events.push({ type: "vendor-frame" });
  const last = events.length - 1;
  for (let index = 0; index < last; index++) (events[index] as LineStep).more = true;
  let rest = extra;
  if (start !== undefined) {
    // What holds for the whole answer belongs to its start: the first line's own text may be taken out of the stream.
    const { at, set = {} } = extra;
    const own = new Set(shape.holder === undefined ? [shape.text, "thinking", "tool_calls"] : [shape.holder]);
    const entries = Object.entries(set);
    const head = Object.fromEntries(entries.filter(([key]) => !own.has(key)));
    start.extra = { set: head, ...(at !== undefined && { at }) };
    rest = { set: Object.fromEntries(entries.filter(([key]) => own.has(key))) };
  }
  if (Object.keys(rest).length > 0) (events[last] as LineStep).extra = rest as JsonObject;
  return events;
}

/** 52 bits of text as 11 base-36 digits; collisions only matter within one conversation. */
function fingerprint(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x1000193;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193) >>> 0;
    high = Math.imul(high ^ code, 0x85ebca6b) >>> 0;
  }
  return (low * 0x100000 + (high & 0xfffff)).toString(36).padStart(11, "0");
}
