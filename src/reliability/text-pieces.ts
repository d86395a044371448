/** Pieces that are joined at once, and how many of what comes of that are joined again. */
const atOnce = 16;

/**
 * Text that grows by a piece per token. Adding pieces to a string would keep each of them, and the frame that it was cut
 * out of, for as long as the string lives.
 */
export class TextPieces {
  #levels: string[][] = [[]];

  add(piece: string, level = 0): void {
    const pieces = (this.#levels[level] ??= []);
    pieces.push(piece);
    if (pieces.length < atOnce) return;
    this.#levels[level] = [];
    this.add(pieces.join(""), level + 1);
  }

  get isEmpty(): boolean {
    return this.#levels.every((pieces) => pieces.length === 0);
  }

  toString(): string {
    return this.#levels
      .map((pieces) => pieces.join(""))
      .toReversed()
      .join("");
  }
}
