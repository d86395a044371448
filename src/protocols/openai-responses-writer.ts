import type { AttemptStart, Outcome, StreamEnd, StreamEvent, Usage } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { endError } from "./end-error.ts";
import { FrameGroup } from "./frame-group.ts";
import { writeErrorObject } from "./openai-chat-errors.ts";
import { CanonicalFrames } from "./openai-responses-canonical.ts";
import { pieceOf, PieceWriter } from "./openai-responses-delta.ts";
import { type FrameExtra, type Known, unpackFrame } from "./openai-responses-frame.ts";
import { isLifecycle, OutputItems } from "./openai-responses-output.ts";
import {
  headOf,
  idSuffix,
  incompleteReasonOf,
  ownNames,
  type ResponseHead,
  type ResponseState,
  writeResponse,
  writeResponseError,
} from "./openai-responses-response.ts";
import type { EventWriter, WriteOptions } from "./protocol.ts";
import { dataFrame } from "./sse.ts";

/**
 * Writes the events of a response: the provider's own where the events of ours carry what is left of them, canonical ones
 * otherwise. They are numbered here, without gaps, since the numbers are what clients resume from.
 */
export class ResponseWriter implements EventWriter {
  readonly #known: Known = { output: new OutputItems(), response: {} };
  readonly #canonical: CanonicalFrames;
  #head: ResponseHead;
  /** The skeleton of the event before; undefined while the attempt is told in our words. */
  #skeleton: Map<string, Json> | undefined;
  #piece: PieceWriter | undefined;
  /** The call that the piece belongs to, for arguments. */
  #pieceCall = -1;
  #attempts = 0;
  #sequence = 0;
  #frames: string[] = [];
  readonly #group = new FrameGroup();
  /** The provider's last event, kept until it is sure that it is the last one. */
  #terminal: JsonObject | undefined;
  #usage: Usage | undefined;
  #ended: JsonObject | undefined;

  constructor({ streamId }: WriteOptions) {
    this.#head = headOf(streamId);
    this.#canonical = new CanonicalFrames(this.#known.output, idSuffix(streamId), (frame) => this.#emit(frame));
  }

  write(event: StreamEvent): string[] {
    if (this.#piece !== undefined && this.#group.isEmpty) {
      const frame = this.#repeat(this.#piece, event);
      if (frame !== undefined) return [frame];
    }
    this.#frames = [];
    this.#write(event);
    return this.#frames;
  }

  /** The response as it is by now. */
  response(): JsonObject {
    if (this.#ended !== undefined) return this.#ended;
    const isQueued = this.#attempts === 0 && this.#head.request?.["background"] === true;
    const output = structuredClone(this.#known.output.items);
    return writeResponse(this.#head, { status: isQueued ? "queued" : "in_progress", output });
  }

  /** One more piece of the same text: what happens for every token. */
  #repeat(piece: PieceWriter, event: StreamEvent): string | undefined {
    if ("more" in event || ("choice" in event && event.choice !== 0 && event.choice !== undefined)) return undefined;
    const found = pieceOf(event);
    if (found === undefined || found.step !== piece.step) return undefined;
    if (event.type === "tool-call-delta" && event.call !== this.#pieceCall) return undefined;
    const { extra } = event as { extra?: FrameExtra };
    if (extra !== undefined && this.#skeleton !== undefined) {
      const padding = onlyPadding(extra);
      if (padding === undefined) return undefined;
      this.#skeleton.set("obfuscation", padding);
      piece.setObfuscation(padding);
    }
    if (found.logprobs !== undefined && !piece.hasLogprobs) return undefined;
    return piece.write(found.text, this.#sequence++, found.logprobs);
  }

  #write(event: StreamEvent): void {
    if (event.type === "stream-start") {
      this.#head = headOf(this.#head.streamId, event);
      return;
    }
    if (event.type === "warning" || event.type === "seam") return;
    // Nobody can ask for more than one answer in this protocol.
    if ("choice" in event && event.choice !== undefined && event.choice !== 0) return;
    if (event.type === "stream-end") {
      this.#flush();
      this.#end(event);
      return;
    }
    if (event.type === "attempt-start") this.#startAttempt(event);
    const { extra } = event;
    if (extra !== undefined && this.#skeleton !== undefined) this.#apply(extra, this.#skeleton);
    const events = this.#group.add(event);
    if (events !== undefined) this.#frame(events, extra);
  }

  #startAttempt(event: AttemptStart): void {
    this.#flush();
    this.#attempts += 1;
    this.#piece = undefined;
    this.#canonical.beginAttempt(event.protocol);
    // A second attempt goes on with items of the first: their ids and indexes are not its own.
    const isOwn = event.protocol === "openai-responses" && this.#attempts === 1;
    this.#skeleton = isOwn ? new Map() : undefined;
    if (this.#attempts === 1 && event.model !== "") this.#head.model = event.model;
  }

  #apply({ set = {}, unset = [] }: FrameExtra, skeleton: Map<string, Json>): void {
    this.#piece = undefined;
    for (const key of unset) skeleton.delete(key);
    for (const [key, value] of Object.entries(set)) skeleton.set(key, value ?? null);
  }

  /** The event that these steps were read from, or events of our own that say the same. */
  #frame(events: StreamEvent[], extra: FrameExtra | undefined): void {
    for (const event of events) if (event.type === "usage") this.#usage = event.usage;
    const skeleton = this.#skeleton;
    if (skeleton === undefined || (extra?.verbatim === undefined && !skeleton.has("type"))) {
      for (const event of events) this.#tell(event);
      return;
    }
    if (extra?.verbatim !== undefined) {
      this.#piece = undefined;
      this.#relay(structuredClone(extra.verbatim), events);
      return;
    }
    this.#piece ??= PieceWriter.of(skeleton, this.#known.output);
    const last = events.at(-1) as StreamEvent;
    const piece = pieceOf(last);
    if (this.#piece === undefined) this.#relay(unpackFrame(skeleton, this.#known), events);
    else if (piece?.step === this.#piece.step) {
      this.#pieceCall = last.type === "tool-call-delta" ? last.call : -1;
      this.#frames.push(this.#piece.write(piece.text, this.#sequence++, piece.logprobs));
    } else for (const event of events) this.#tell(event);
  }

  #relay(frame: JsonObject, events: readonly StreamEvent[]): void {
    const type = frame["type"] as string;
    const start = events.find((event) => event.type === "tool-call-start");
    if (start !== undefined && typeof frame["output_index"] === "number") {
      this.#canonical.noteCall(start.call, frame["output_index"]);
    }
    if (events.some((event) => event.type === "finish")) this.#terminal = frame;
    else this.#emit(frame);
    if (isLifecycle(type) && isJsonObject(frame["response"])) {
      this.#known.response = frame["response"];
      this.#head.told = frame["response"];
    }
  }

  /** Tells a step in our words. */
  #tell(event: StreamEvent): void {
    if (event.type === "attempt-start") {
      if (this.#attempts === 1) this.#begin();
      return;
    }
    const piece = pieceOf(event);
    if (piece === undefined) {
      this.#piece = undefined;
      this.#canonical.write(event);
      return;
    }
    const call = event.type === "tool-call-delta" ? event.call : -1;
    const frame = this.#canonical.open(piece.step, call, piece.logprobs !== undefined);
    if (frame === undefined) return;
    this.#piece = PieceWriter.of(new Map(Object.entries(frame) as [string, Json][]), this.#known.output);
    this.#pieceCall = call;
    const written = this.#piece?.write(piece.text, this.#sequence++, piece.logprobs);
    if (written !== undefined) this.#frames.push(written);
  }

  #begin(): void {
    for (const type of ["response.created", "response.in_progress"]) {
      this.#emit({ type, response: writeResponse(this.#head, { status: "in_progress", output: [] }) });
    }
  }

  #emit(frame: JsonObject): void {
    const { type, response } = frame;
    this.#known.output.apply(frame);
    const own = isJsonObject(response) ? { response: { ...response, ...ownNames(this.#head) } } : undefined;
    const json = JSON.stringify({ type, sequence_number: this.#sequence++, ...frame, ...own });
    this.#frames.push(`event: ${type as string}\ndata: ${json}\n\n`);
  }

  /** Steps whose event was never completed. */
  #flush(): void {
    for (const event of this.#group.take()) this.#tell(event);
  }

  #end(end: StreamEnd): void {
    this.#piece = undefined;
    if (!isWhole(end.outcome)) this.#fail(end);
    else {
      if (this.#terminal === undefined) this.#complete(end.outcome);
      else this.#finish(this.#terminal);
      this.#frames.push(dataFrame("[DONE]"));
    }
  }

  #complete(outcome: Outcome): void {
    if (this.#attempts === 0) this.#begin();
    const incompleteReason = incompleteReasonOf(outcome);
    this.#canonical.close(incompleteReason !== undefined);
    const status = incompleteReason === undefined ? "completed" : "incomplete";
    const output = structuredClone(this.#known.output.items);
    const state: ResponseState = { status, output, usage: this.#usage };
    if (incompleteReason !== undefined) state.incompleteReason = incompleteReason;
    this.#finish({ type: `response.${status}`, response: writeResponse(this.#head, state) });
  }

  #finish(frame: JsonObject): void {
    this.#emit(frame);
    this.#ended = { ...(frame["response"] as JsonObject), ...ownNames(this.#head) };
  }

  /** Clients take a stream that merely ends for a complete one, so every other end is an error. */
  #fail(end: StreamEnd): void {
    const error = endError(end);
    const { message, code, param, ...rest } = writeErrorObject(error);
    this.#emit({ type: "error", code, message, param, error: { message, code, param, ...rest } });
    const status = end.outcome === "cancelled" ? "cancelled" : "failed";
    const state: ResponseState = { status, output: this.#canonical.unfinished(), usage: this.#usage };
    if (status === "failed") state.error = writeResponseError(error);
    this.#finish({ type: "response.failed", response: writeResponse(this.#head, state) });
  }
}

/** The new padding, when that is all that an event has new besides its text. */
function onlyPadding({ set, unset, verbatim }: FrameExtra): Json | undefined {
  if (unset !== undefined || verbatim !== undefined || set === undefined) return undefined;
  for (const key in set) if (key !== "obfuscation") return undefined;
  return set["obfuscation"];
}
