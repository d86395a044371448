import type { StreamEvent } from "../../../core/events.ts";
import type { EventWriter, Protocol } from "../../../protocols/protocol.ts";
import type { Mishap, Step } from "../plan.ts";
import type { Fault } from "./fault.ts";
import { findFault } from "./fault.ts";
import { FrameForm, isMalformable, malformed } from "./frame-form.ts";
import { keepAliveOf } from "./vendor-words.ts";
import { ByteForm, type Piece } from "./byte-form.ts";

/** Every frame of every stream passes here, and nowhere else; whatever goes wrong on the wire goes wrong here. */
export class Wire {
  readonly #protocol: Protocol;
  readonly #writer: EventWriter;
  readonly #form: FrameForm;
  readonly #bytes: ByteForm;
  readonly #isPlain: boolean;
  readonly #endMarker: "sent" | "missing" | "never";
  readonly #swapsEnd: boolean;
  readonly #skipsFinalBlank: boolean;
  /** What the last event became. */
  #last: string[] = [];
  #spoilsNext = false;
  /** 2: the next event's frames are held back; 1: they come after those of the event that is next now. */
  #holding: 0 | 1 | 2 = 0;
  #held: string[] = [];

  constructor(protocol: Protocol, writer: EventWriter, faults: readonly Fault[]) {
    const missing = findFault(faults, "missing-end-marker");
    this.#protocol = protocol;
    this.#writer = writer;
    this.#form = new FrameForm(protocol, faults);
    this.#bytes = new ByteForm(protocol, faults);
    this.#isPlain = faults.length === 0;
    this.#endMarker = missing === undefined ? "sent" : missing.arguments["open"] === true ? "never" : "missing";
    this.#swapsEnd = findFault(faults, "late-usage") !== undefined;
    this.#skipsFinalBlank = findFault(faults, "no-final-blank-line") !== undefined;
  }

  /** What these steps are on the wire. */
  write(steps: readonly Step[]): Piece[] {
    const pieces: Piece[] = [];
    let frames: string[] = [];
    const flush = () => {
      if (frames.length > 0) pieces.push(...this.#bytes.send(this.#encode(frames)));
      frames = [];
    };
    for (const step of steps) {
      if ("event" in step) {
        const written = this.#writer.write(step.event);
        frames.push(...(this.#isPlain ? written : this.#spoil(step.event, written)));
        continue;
      }
      frames.push(...this.#framesOf(step.mishap));
      if (step.mishap.type !== "end") continue;
      flush();
      pieces.push({ end: step.mishap.how });
    }
    flush();
    return pieces;
  }

  /** There are no more steps. */
  finish(): Piece[] {
    return this.#endMarker === "never" ? [{ end: "never" }] : this.#bytes.finish();
  }

  #encode(frames: readonly string[]): Uint8Array<ArrayBuffer> {
    const { encodeFrame } = this.#protocol;
    const formed = this.#isPlain ? frames : frames.map((frame) => this.#form.apply(frame));
    if (encodeFrame === undefined) return encoder.encode(formed.join(""));
    return joined(formed.map(encodeFrame));
  }

  #spoil(event: StreamEvent, written: string[]): string[] {
    let frames = written;
    if (event.type === "stream-end") frames = [...this.#release(), ...this.#atEnd(frames)];
    if (frames.length === 0) return frames;
    if (this.#spoilsNext) {
      frames = frames.map((frame) => malformed(frame, this.#protocol));
      this.#spoilsNext = false;
    }
    this.#last = frames;
    if (this.#holding === 2) {
      this.#holding = 1;
      this.#held = frames;
      return [];
    }
    return this.#holding === 1 ? [...frames, ...this.#release()] : frames;
  }

  #release(): string[] {
    const held = this.#held;
    this.#held = [];
    this.#holding = 0;
    return held;
  }

  #atEnd(written: string[]): string[] {
    let frames = written;
    if (this.#swapsEnd) {
      const [last, beforeLast] = [frames.at(-1), frames.at(-2)];
      if (last !== undefined && beforeLast !== undefined) frames = [...frames.slice(0, -2), last, beforeLast];
    }
    if (this.#endMarker !== "sent") frames = frames.slice(0, -1);
    if (!this.#skipsFinalBlank) return frames;
    return frames.map((frame, index) => (index === frames.length - 1 ? frame.replace(/\n$/, "") : frame));
  }

  #framesOf(mishap: Mishap): string[] {
    switch (mishap.type) {
      case "keep-alive":
        return [keepAliveOf(this.#protocol) ?? ""].filter((frame) => frame !== "");
      case "duplicate":
        return Array.from({ length: mishap.times }, () => this.#last).flat();
      case "malformed":
        if (mishap.extra) return this.#last.filter(isMalformable).map((frame) => malformed(frame, this.#protocol));
        this.#spoilsNext = true;
        return [];
      case "reorder":
        this.#holding = 2;
        return [];
      case "silence":
      case "end":
        return [];
    }
  }
}

/** The bytes of a document, which has no frames. */
export function documentPieces(text: string, protocol: Protocol, faults: readonly Fault[]): Piece[] {
  const bytes = new ByteForm(protocol, faults);
  const broken = faults.some(({ name }) => name === "malformed") ? text.slice(0, text.length / 2) : text;
  return [...bytes.send(encoder.encode(broken)), ...bytes.finish()];
}

const encoder = new TextEncoder();

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
