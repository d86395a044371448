import { errorFromReport, HeadraceError } from "../core/errors.ts";
import type { StreamEnd, StreamEvent, Usage } from "../core/events.ts";
import { isWhole } from "../core/events.ts";
import { CanonicalFrames } from "./bedrock-converse-canonical.ts";
import { exceptionFrame } from "./bedrock-converse-errors.ts";
import { type ConverseFrame, type FrameExtra, frameText, merged } from "./bedrock-converse-frames.ts";
import type { EventWriter } from "./protocol.ts";

/** A run of deltas of the same kind: their frames differ in one string. */
interface Run {
  type: StreamEvent["type"];
  call: number | undefined;
  prefix: string;
  suffix: string;
}

/** Writes the frames of a Converse stream: the provider's own where the events come from one, canonical ones otherwise. */
export class ConverseWriter implements EventWriter {
  readonly #canonical = new CanonicalFrames();
  #isOwn = false;
  #attempts = 0;
  #hasFinished = false;
  /** Said after the finish, where the attempt speaks another protocol. */
  #usage: Usage | undefined;
  #run: Run | undefined;
  /** Calls with free text, which is escaped once more, so that it makes no runs. */
  readonly #freeText = new Set<number>();

  write(event: StreamEvent): string[] {
    if (event.type === "text-delta" || event.type === "reasoning-delta" || event.type === "tool-call-delta") {
      const { type, choice } = event;
      if (choice !== undefined && choice !== 0) return [];
      const text = type === "tool-call-delta" ? event.argumentsText : event.text;
      const call = type === "tool-call-delta" ? event.call : undefined;
      const run = this.#run;
      const isPlain = !this.#isOwn || (event.extra === undefined && event.more !== true);
      if (run?.type === type && run.call === call && isPlain) {
        return [run.prefix + JSON.stringify(text) + run.suffix];
      }
      const frames = this.#frames(event);
      const isRun = isPlain && (call === undefined || !this.#freeText.has(call));
      this.#run = isRun ? runOf(frames, { type, call, text }) : undefined;
      return frames.map(frameText);
    }
    if (event.type === "warning" || event.type === "seam") return [];
    this.#run = undefined;
    return this.#frames(event).map(frameText);
  }

  #frames(event: StreamEvent): ConverseFrame[] {
    // An answer has one choice here.
    if ("choice" in event && event.choice !== undefined && event.choice !== 0) return [];
    switch (event.type) {
      case "stream-start":
        return [];
      case "stream-end":
        return this.#end(event);
      case "attempt-start":
        this.#attempts += 1;
        this.#isOwn = event.protocol === "bedrock-converse";
        break;
      case "tool-call-start":
        if (event.kind === "custom") this.#freeText.add(event.call);
        break;
      case "finish":
        this.#hasFinished = true;
        break;
      case "usage":
        if (!this.#isOwn) {
          this.#usage = event.usage;
          return [];
        }
        break;
      default:
    }
    const frames = this.#canonical.frames(event);
    if (!this.#isOwn || !("type" in event)) return frames;
    // The frame that these events stem from is written with the last of them.
    if ("more" in event) return [];
    const extra = ("extra" in event ? event.extra : undefined) as FrameExtra | undefined;
    return extra === undefined ? frames : this.#restored(frames, extra, event);
  }

  /** The provider's frame. */
  #restored(frames: ConverseFrame[], { set, alone, frame }: FrameExtra, event: StreamEvent): ConverseFrame[] {
    const own = frames.at(-1);
    const isContinued = this.#attempts > 1;
    // Blocks are numbered on from the attempt before, so what has a number of its own cannot be said.
    if (isContinued && (frame?.payload ?? set ?? {})["contentBlockIndex"] !== undefined) return frames;
    if (isContinued && event.type === "attempt-start") return frames;
    const restored = frame ?? (own && { ...own, payload: merged(own.payload, set ?? {}) });
    if (restored === undefined) return frames;
    this.#canonical.note(restored, event);
    const isOnly = frame !== undefined || (alone === true && !isContinued);
    return isOnly ? [restored] : [...frames.slice(0, -1), restored];
  }

  #end({ outcome, error }: StreamEnd): ConverseFrame[] {
    if (!isWhole(outcome)) {
      if (error !== undefined) return [exceptionFrame(errorFromReport(error))];
      return [exceptionFrame(new HeadraceError("stream-interrupted", brokenOff[outcome] ?? brokenOff.interrupted))];
    }
    const frames: ConverseFrame[] = [];
    if (!this.#hasFinished) {
      const reason = outcome === "completed" ? "stop" : (outcome as "length" | "content_filter");
      frames.push(...this.#canonical.frames({ type: "finish", reason }));
    }
    if (this.#usage !== undefined) frames.push(...this.#canonical.frames({ type: "usage", usage: this.#usage }));
    return frames;
  }
}

const brokenOff = {
  cancelled: "the stream was stopped before it was complete",
  interrupted: "the answer broke off before it was complete",
} as Record<string, string> & { interrupted: string };

/** Undefined when the event became more than its own delta. */
function runOf(
  frames: ConverseFrame[],
  { type, call, text }: Pick<Run, "type" | "call"> & { text: string },
): Run | undefined {
  const [frame] = frames;
  if (frames.length !== 1 || frame === undefined) return undefined;
  const whole = frameText(frame);
  const written = JSON.stringify(text);
  // The delta is all that comes after the number of the block, and its text the last string in it.
  const at = whole.lastIndexOf(written);
  return { type, call, prefix: whole.slice(0, at), suffix: whole.slice(at + written.length) };
}
