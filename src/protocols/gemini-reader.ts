import type { ErrorReport } from "../core/errors.ts";
import type { AttemptStart, FinishReason, StreamEvent } from "../core/events.ts";
import { outcomeOf } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { AnswerEnd, truncated } from "./answer-end.ts";
import { frameDifference } from "./frame-difference.ts";
import type { ChunkExtra } from "./gemini-chunk.ts";
import { hasForeignMarks } from "./gemini-chunk.ts";
import { readStreamError } from "./gemini-errors.ts";
import { type RepeatedChunk, repeatedChunk } from "./gemini-repeated.ts";
import { ChunkVisit, type ReadChoice, type StepEvent } from "./gemini-visit.ts";
import { parseObject } from "./json-values.ts";
import type { EventReader, ProtocolQuirks } from "./protocol.ts";
import { type FrameReader, SseBody } from "./sse-body.ts";

/** Reads a body that should be a stream of chunks, and may be a document, or a list of all chunks. */
export function createBodyReader(quirks: ProtocolQuirks): EventReader {
  const chunks = new ChunkReader(quirks);
  return new SseBody(chunks, (document) => {
    const list: unknown[] = Array.isArray(document) ? document : [document];
    const events = list.flatMap((chunk) => chunks.read(JSON.stringify(chunk)));
    return events.length === 0 ? undefined : [...events, ...chunks.end()];
  });
}

/** Makes events of chunks, and knows when the answer is complete. */
export class ChunkReader implements FrameReader {
  readonly #quirks: ProtocolQuirks;
  readonly #end = new AnswerEnd();
  readonly #choices = new Map<number, ReadChoice>();
  /** The skeleton of the frame before; undefined until the first one. */
  #previous: JsonObject | undefined;
  #types = "";
  #repeated: RepeatedChunk | undefined;
  #responseId = "";

  constructor(quirks: ProtocolQuirks) {
    this.#quirks = quirks;
  }

  get hasEnded(): boolean {
    return this.#end.isReached;
  }

  read(data: string): StreamEvent[] {
    if (this.#end.isReached) return [];
    const repetition = this.#repeated?.read(data);
    if (repetition !== undefined) {
      this.#keepText(repetition[0] as StreamEvent);
      return repetition;
    }
    // Google marks no end, but some who speak its protocol do.
    if (data.trim() === "[DONE]") return this.end();
    if (data.trim() === "") return [];
    const chunk = parseObject(data);
    // Chunks stand for themselves, so one that is broken costs its own text only.
    if (chunk === undefined) return this.#end.malformed();
    this.#end.wellFormed();
    const events = this.#readChunk(chunk, data);
    this.#repeated = this.#end.isReached ? undefined : repeatedChunk(data, events);
    return events;
  }

  /** The body has ended; there is no other sign of the end. */
  end(): StreamEvent[] {
    if (this.#end.isReached) return [];
    const events: StreamEvent[] = [];
    const choices = [...this.#choices.values()];
    const isComplete = choices.length > 0 && choices.every(({ finished }) => finished !== undefined);
    if (!isComplete) {
      if (this.#quirks.endsWithoutMarker !== true || choices.length === 0) return this.fail(truncated);
      for (const choice of choices) {
        if (choice.finished !== undefined) continue;
        choice.finished = choice.calls > 0 ? "tool_calls" : "stop";
        events.push({ type: "finish", ...choice.of, reason: choice.finished });
      }
    }
    const reasons = choices.map(({ finished }) => finished as FinishReason);
    return [...events, ...this.#end.complete(outcomeOf(reasons))];
  }

  fail(error: ErrorReport): StreamEvent[] {
    return this.#end.fail(error);
  }

  #readChunk(chunk: JsonObject, data: string): StreamEvent[] {
    const error = readStreamError(chunk);
    if (error !== undefined) return this.fail(error);
    // Until the answer begins, anything else is chatter of a proxy.
    const isAnswer = ["candidates", "promptFeedback", "usageMetadata"].some((key) => isSet(chunk[key]));
    if (this.#previous === undefined && !isAnswer) return [];
    delete chunk["__proto__"];
    const start = this.#previous === undefined ? this.#start(chunk) : undefined;
    const visit = new ChunkVisit(this.#choices, this.#responseId);
    visit.read(chunk);
    if (visit.error !== undefined) return this.fail(visit.error);
    return assemble(start, visit.events, this.#extra(chunk, visit, data));
  }

  #start({ responseId, modelVersion }: JsonObject): AttemptStart {
    const start: AttemptStart = {
      type: "attempt-start",
      provider: "",
      model: typeof modelVersion === "string" ? modelVersion : "",
      protocol: "gemini",
    };
    if (typeof responseId === "string" && responseId !== "") this.#responseId = start.responseId = responseId;
    return start;
  }

  #extra(skeleton: JsonObject, { events, marks }: ChunkVisit, data: string): ChunkExtra | undefined {
    const before = this.#previous ?? {};
    if (hasForeignMarks(data, skeleton, marks)) {
      this.#previous ??= {};
      const verbatim = JSON.parse(data) as JsonObject;
      delete verbatim["__proto__"];
      return { verbatim };
    }
    this.#previous = skeleton;
    const types = events.map(({ type }) => type);
    const difference = frameDifference(before, skeleton);
    const known = this.#types;
    this.#types = types.join(" ");
    if (known === this.#types) return difference;
    return { ...difference, types };
  }

  #keepText(event: StreamEvent): void {
    if (event.type === "text-delta") this.#choices.get(event.choice ?? 0)?.text.push(event.text);
  }
}

/** What all events of one frame are marked with. */
function assemble(
  start: AttemptStart | undefined,
  steps: readonly StepEvent[],
  extra: ChunkExtra | undefined,
): StreamEvent[] {
  const events: StepEvent[] = start === undefined ? [...steps] : [start, ...steps];
  const last = events.length - 1;
  for (let index = 0; index < last; index++) (events[index] as StepEvent).more = true;
  if (extra !== undefined) (events[last] as StepEvent).extra = extra as JsonObject;
  return events;
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}
