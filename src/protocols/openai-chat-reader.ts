import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, FinishReason, StreamEnd, StreamEvent, TextDelta } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { AnswerEnd, breachOf, reportedError, truncated } from "./answer-end.ts";
import { frameDifference } from "./frame-difference.ts";
import { isText } from "./json-values.ts";
import { type ChunkExtra, type ChunkVisitor, hole, type TextKind, visitChunk } from "./openai-chat-chunk.ts";
import { readStreamError } from "./openai-chat-errors.ts";
import { longestReason, readFinishReason } from "./openai-chat-finish.ts";
import { repeatedChunk } from "./openai-chat-repeated.ts";
import { type ReadCall, ToolCalls } from "./openai-chat-tool-calls.ts";
import { readCost, readUsage } from "./openai-chat-usage.ts";
import type { ProtocolQuirks } from "./protocol.ts";
import type { RepeatedFrame } from "./repeated-frame.ts";

type StepEvent = Exclude<StreamEvent, StreamEnd | { type: "stream-start" | "warning" | "seam" }>;

const maxChoice = 127;
interface ReadChoice {
  calls: ToolCalls;
  finished?: FinishReason;
}

/** Makes events of chunks, and knows when the answer is complete. */
export class ChunkReader {
  readonly #quirks: ProtocolQuirks;
  readonly #end = new AnswerEnd();
  readonly #choices = new Map<number, ReadChoice>();
  /** The skeleton of the frame before; undefined until the first one. */
  #previous: JsonObject | undefined;
  #repeated: RepeatedFrame | undefined;

  constructor(quirks: ProtocolQuirks) {
    this.#quirks = quirks;
  }

  get hasEnded(): boolean {
    return this.#end.isReached;
  }

  /** Reads the data of one SSE event. */
  read(data: string, eventName?: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    const repetition = this.#repeated?.read(data);
    if (repetition !== undefined) return [repetition];
    if (data === "[DONE]" || data.trim() === "[DONE]") return this.end();
    if (data.trim() === "") return [];
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch {
      // Chunks stand for themselves, so one that is broken costs its own text only.
      return this.#end.malformed();
    }
    if (eventName === "error") return this.fail(readStreamError(chunk) ?? readStreamError({ error: chunk as Json }));
    if (!isJsonObject(chunk)) return this.#end.malformed();
    this.#end.wellFormed();
    const events = this.#readChunk(chunk, data);
    const [event] = events;
    this.#repeated = events.length === 1 && event !== undefined ? repeatedChunk(data, event) : undefined;
    return events;
  }

  #readChunk(chunk: JsonObject, data: string): StreamEvent[] {
    const error = readStreamError(chunk);
    if (error !== undefined) return this.fail(error);
    // Until the answer begins, anything without choices is chatter of a proxy.
    if (this.#previous === undefined && !Array.isArray(chunk["choices"])) return [];
    delete chunk["__proto__"];
    const visit = new ReadingVisit(this.#choices, this.#quirks);
    visitChunk(chunk, visit);
    if (visit.error !== undefined) return this.fail(visit.error);
    const events: StepEvent[] = visit.events;
    const start = this.#previous === undefined ? this.#start(chunk) : undefined;
    const extra = this.#extra(chunk, visit.isVerbatim ? (JSON.parse(data) as JsonObject) : undefined);
    return assemble(start, events, extra);
  }

  /** The body or the answer has ended. */
  end(): StreamEvent[] {
    if (this.#end.isReached) return [];
    const events: StreamEvent[] = [];
    const isComplete =
      this.#choices.size > 0 && [...this.#choices.values()].every(({ finished }) => finished !== undefined);
    if (!isComplete) {
      if (this.#quirks.endsWithoutMarker !== true || this.#choices.size === 0) return this.fail(truncated);
      for (const [index, choice] of this.#choices) {
        if (choice.finished !== undefined) continue;
        choice.finished = "stop";
        events.push({ type: "finish", ...ofChoice(index), reason: "stop" });
      }
    }
    const reasons = [...this.#choices.values()].map(({ finished }) => finished as FinishReason);
    return [...events, ...this.#end.complete(outcomeOf(reasons))];
  }

  fail(error: ErrorReport = reportedError): StreamEvent[] {
    return this.#end.fail(error);
  }

  #start(chunk: JsonObject): AttemptStart {
    const { id, model } = chunk;
    const start: AttemptStart = {
      type: "attempt-start",
      provider: "",
      model: isText(model) ? model : "",
      protocol: "openai-chat",
    };
    this.#previous = {};
    if (isText(id)) this.#previous["id"] = start.responseId = id;
    if (isText(model)) this.#previous["model"] = model;
    return start;
  }

  #extra(skeleton: JsonObject, verbatim: JsonObject | undefined): ChunkExtra | undefined {
    if (verbatim !== undefined) return { verbatim };
    const extra = frameDifference(this.#previous ?? {}, skeleton);
    this.#previous = skeleton;
    return extra;
  }
}

/** What all events of one frame are marked with. */
function assemble(start: AttemptStart | undefined, steps: StepEvent[], extra: ChunkExtra | undefined): StreamEvent[] {
  const events: StepEvent[] = start === undefined ? steps : [start, ...steps];
  if (events.length === 0) events.push({ type: "vendor-frame" });
  const last = events.length - 1;
  for (let index = 0; index < last; index++) (events[index] as StepEvent).more = true;
  if (extra === undefined) return events;
  let rest: ChunkExtra = extra;
  if (start !== undefined && last > 0) {
    // What holds for the whole answer belongs to its start, also when the first frame says more than that.
    const { choices, ...head } = extra.set ?? {};
    start.extra = { set: head };
    if (choices !== undefined) rest = { set: { choices } };
  }
  (events[last] as StepEvent).extra = rest as JsonObject;
  return events;
}

function ofChoice(choice: number): { choice?: number } {
  return choice === 0 ? {} : { choice };
}

const deltaTypes = { text: "text-delta", reasoning: "reasoning-delta", refusal: "refusal-delta" } as const;

/** Takes the steps of an answer out of one chunk, leaving holes. */
class ReadingVisit implements ChunkVisitor {
  readonly events: StepEvent[] = [];
  isVerbatim = false;
  error: ErrorReport | undefined;
  readonly #choices: Map<number, ReadChoice>;
  readonly #quirks: ProtocolQuirks;
  #index = 0;
  #choice!: ReadChoice;
  #eventsBefore = 0;
  #firstText: TextDelta | undefined;

  constructor(choices: Map<number, ReadChoice>, quirks: ProtocolQuirks) {
    this.#choices = choices;
    this.#quirks = quirks;
  }

  beginChoice(choice: JsonObject, position: number): void {
    const { index } = choice;
    this.#index = typeof index === "number" ? index : position;
    if (!(Number.isInteger(this.#index) && this.#index >= 0 && this.#index <= maxChoice)) {
      this.#breach("a choice whose index is out of range");
      this.#index = 0;
    }
    let known = this.#choices.get(this.#index);
    if (known === undefined) {
      known = { calls: new ToolCalls(this.#index) };
      this.#choices.set(this.#index, known);
    }
    this.#choice = known;
    this.#eventsBefore = this.events.length;
    this.#firstText = undefined;
  }

  text(kind: TextKind, holder: JsonObject, key: string): void {
    const event = { type: deltaTypes[kind], ...ofChoice(this.#index), text: holder[key] as string };
    if (event.type === "text-delta") this.#firstText ??= event as TextDelta;
    this.events.push(event);
    holder[key] = hole;
  }

  toolCall(entry: JsonObject): void {
    const read = this.#choice.calls.read(entry);
    if (read === undefined) this.#breach("a tool call whose index is out of range");
    else this.#addCall(read);
  }

  functionCall(call: JsonObject): void {
    this.#addCall(this.#choice.calls.readFunctionCall(call));
  }

  #addCall({ events, isVerbatim }: ReadCall): void {
    this.events.push(...events);
    if (isVerbatim === true) this.isVerbatim = true;
  }

  finish(choice: JsonObject): void {
    const word = choice["finish_reason"] as string;
    const finish = readFinishReason(word);
    if (finish.reason === "error") {
      const isBusy = word === "insufficient_system_resource";
      this.error ??= {
        code: isBusy ? "provider-overloaded" : "provider-error",
        message: isBusy
          ? "the provider ran out of resources in the middle of the answer"
          : "the provider gave up on the answer",
      };
      return;
    }
    // Some servers repeat the reason in a later chunk.
    if (this.#choice.finished === finish.reason) return;
    this.#choice.finished = finish.reason;
    if (word.length > longestReason) {
      this.events.push({ type: "finish", ...ofChoice(this.#index), reason: finish.reason });
      this.isVerbatim = true;
      return;
    }
    this.events.push({ type: "finish", ...ofChoice(this.#index), ...finish });
    choice["finish_reason"] = hole;
  }

  endChoice(choice: JsonObject): void {
    if (this.events.length === this.#eventsBefore) return;
    if (choice["index"] === this.#index) choice["index"] = hole;
    if (this.#firstText !== undefined && isJsonObject(choice["logprobs"])) {
      this.#firstText.logprobs = choice["logprobs"];
      choice["logprobs"] = hole;
    }
  }

  usage(usage: JsonObject): void {
    const read = readUsage(usage);
    if (read === undefined) return;
    const costUsd = this.#quirks.tellsCost === true ? readCost(usage) : undefined;
    if (costUsd !== undefined) read.costUsd = costUsd;
    this.events.push({ type: "usage", usage: read });
  }

  #breach(what: string): void {
    this.error ??= breachOf(what);
  }
}
