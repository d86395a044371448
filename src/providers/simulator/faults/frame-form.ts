import type { Protocol } from "../../../protocols/protocol.ts";
import { type Fault, findFault, textArgumentOf } from "./fault.ts";

type LineEnds = "lf" | "crlf" | "cr" | "mixed";

// No CR is followed by an LF of the next line end: the two would be one.
const cycle = ["\n", "\r\n", "\r", "\r\n"] as const;

const finishReason = /"(finish_reason|stop_reason|finishReason|stopReason|done_reason)":"[^"]*"/g;

/** Other ways to write the same frames. */
export class FrameForm {
  readonly #isSse: boolean;
  readonly #isMultiLine: boolean;
  readonly #lineEnds: LineEnds;
  readonly #escapes: boolean;
  readonly #hidesFinish: boolean;
  #lines = 0;

  constructor({ framing }: Protocol, faults: readonly Fault[]) {
    const lineEnds = findFault(faults, "line-ends");
    this.#isSse = framing === "sse";
    this.#isMultiLine = findFault(faults, "multi-line") !== undefined;
    this.#lineEnds = lineEnds === undefined ? "lf" : ((textArgumentOf(lineEnds, "with") ?? "crlf") as LineEnds);
    this.#escapes = findFault(faults, "escapes") !== undefined;
    this.#hidesFinish = findFault(faults, "missing-finish-reason") !== undefined;
  }

  apply(frame: string): string {
    let text = frame;
    if (this.#hidesFinish) text = text.replace(finishReason, '"$1":null');
    if (this.#escapes) text = text.replace(/[\u0080-\uffff]/g, escaped);
    if (!this.#isSse) return text;
    if (this.#isMultiLine) text = text.replace(/^data: (\{.*\})$/gm, spread);
    return this.#lineEnds === "lf" ? text : text.replaceAll("\n", () => this.#lineEnd());
  }

  #lineEnd(): string {
    if (this.#lineEnds === "crlf") return "\r\n";
    return this.#lineEnds === "cr" ? "\r" : (cycle[this.#lines++ % cycle.length] ?? "\n");
  }
}

// Without the flag `u`, so that each half of a surrogate pair has its own escape, as JSON has it.
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The JSON of a data line over several; what is broken already stays as it is. */
function spread(line: string, json: string): string {
  try {
    const lines = JSON.stringify(JSON.parse(json), null, 1).split("\n");
    return lines.map((one) => `data: ${one}`).join("\n");
  } catch {
    return line;
  }
}

/** End markers and comments hold no JSON that could be broken. */
export function isMalformable(frame: string): boolean {
  return frame.includes("{");
}

/** A frame that is whole as a frame, and whose content breaks off. */
export function malformed(frame: string, { framing }: Protocol): string {
  if (framing === "text" || !isMalformable(frame)) return frame;
  const brace = frame.lastIndexOf("}") + 1;
  const start = frame.indexOf("{");
  return frame.slice(0, start + Math.ceil((brace - start) / 2)) + frame.slice(brace);
}
