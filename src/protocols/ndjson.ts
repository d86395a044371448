import { HeadraceError } from "../core/errors.ts";
import { Utf8Text } from "./sse.ts";

const defaultMaxSize = 1024 * 1024;

/** Takes a body of JSON lines apart, however its bytes are cut. */
export class LineReader {
  readonly #maxSize: number;
  readonly #text = new Utf8Text();
  #atStart = true;
  // Joined once per line, so that a long line in many pieces stays linear.
  #parts: string[] = [];
  #size = 0;

  /** @param maxSize - longest line, in UTF-16 code units. Default 1 Mi. */
  constructor(maxSize: number = defaultMaxSize) {
    this.#maxSize = maxSize;
  }

  /**
   * Takes the next bytes and returns the lines that they complete, without their ends.
   *
   * @throws HeadraceError `response-too-large` - a line is over the limit. The reader is of no use then.
   */
  push(bytes: Uint8Array): string[] {
    let text = this.#text.decode(bytes);
    if (text === "") return [];
    if (this.#atStart) {
      this.#atStart = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let end = text.indexOf("\n");
    if (this.#size === 0 && end !== -1 && end === text.length - 1 && end <= this.#maxSize) {
      // One whole line in one read is by far the most common.
      return [text.slice(0, end)];
    }
    const lines: string[] = [];
    let start = 0;
    for (; end !== -1; end = text.indexOf("\n", start)) {
      this.#keep(text.slice(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    if (start < text.length) this.#keep(text.slice(start));
    return lines;
  }

  /** What came after the last line end; a last line need not have one. */
  end(): string {
    return this.#take();
  }

  #keep(part: string): void {
    this.#size += part.length;
    if (this.#size > this.#maxSize) {
      throw new HeadraceError("response-too-large", `a line of the answer is longer than ${this.#maxSize} characters`);
    }
    this.#parts.push(part);
  }

  #take(): string {
    const line = this.#parts.join("");
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
