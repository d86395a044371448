/**
 * Joins characters that were cut in two between pieces of text. Where text is sent as it is, half of one could only be
 * written as the sign for an unknown character; JSON has an escape for it.
 */
export class WholeCharacters {
  #half = "";

  /** The text as far as its characters are whole, behind the half that was kept. */
  take(text: string): string {
    const last = text.charCodeAt(text.length - 1);
    const isHalf = last >= 0xd800 && last <= 0xdbff;
    if (!isHalf && this.#half === "") return text;
    const all = this.#half + text;
    this.#half = isHalf ? all.slice(-1) : "";
    return isHalf ? all.slice(0, -1) : all;
  }

  /** What was kept although nothing completes it. */
  rest(): string {
    const half = this.#half;
    this.#half = "";
    return half;
  }
}
