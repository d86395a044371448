import type { Protocol } from "../../../protocols/protocol.ts";
import { type Fault, findFault, numberOf } from "./fault.ts";

/** What a body does next: it hands over bytes, perhaps after a while, or it ends, or it never does. */
export type Piece = { bytes: Uint8Array<ArrayBuffer>; waitMs?: number } | { end: "eof" | "cut" | "reset" | "never" };

const mark = [0xef, 0xbb, 0xbf];

/** How bytes come out: in which pieces, and up to where. */
export class ByteForm {
  readonly #isPlain: boolean;
  readonly #hasMark: boolean;
  readonly #splitsCharacters: boolean;
  readonly #pieceSize: number | undefined;
  readonly #dripMs: number;
  readonly #limit: number;
  readonly #atLimit: Piece;
  readonly #isShortFall: boolean;
  #sent = 0;
  #hasEnded = false;

  constructor({ framing }: Protocol, faults: readonly Fault[]) {
    const drip = findFault(faults, "drip");
    const split = findFault(faults, "split");
    const announced = findFault(faults, "content-length");
    const broken = faults.find(({ at }) => at?.unit === "bytes");
    this.#isPlain = faults.length === 0;
    this.#hasMark = findFault(faults, "bom") !== undefined && framing === "sse";
    this.#splitsCharacters = findFault(faults, "utf8-split") !== undefined;
    this.#dripMs = drip === undefined ? 0 : numberOf(drip, "every", 50);
    const pieceSize = drip ?? split;
    this.#pieceSize = pieceSize && Math.max(numberOf(pieceSize, "bytes", 1), 1);
    this.#limit = broken?.at?.count ?? (announced && numberOf(announced, "bytes", 100)) ?? Number.POSITIVE_INFINITY;
    this.#atLimit = broken === undefined ? { end: "eof" } : { end: endOf(broken) };
    this.#isShortFall = announced !== undefined;
  }

  send(bytes: Uint8Array<ArrayBuffer>): Piece[] {
    if (this.#isPlain) return [{ bytes }];
    if (this.#hasEnded) return [];
    const marked = this.#hasMark && this.#sent === 0 ? Uint8Array.from([...mark, ...bytes]) : bytes;
    const room = this.#limit - this.#sent;
    const kept = marked.byteLength >= room ? marked.slice(0, room) : marked;
    this.#sent += kept.byteLength;
    const pieces: Piece[] = kept.byteLength === 0 ? [] : this.#split(kept);
    if (this.#sent < this.#limit) return pieces;
    this.#hasEnded = true;
    return [...pieces, this.#atLimit];
  }

  /** The answer is over. */
  finish(): Piece[] {
    if (this.#hasEnded) return [];
    // Whoever was told of more bytes finds the connection closed before they came.
    return this.#isShortFall ? [{ end: "cut" }] : [{ end: "eof" }];
  }

  #split(bytes: Uint8Array<ArrayBuffer>): Piece[] {
    const pieces: Piece[] = [];
    let start = 0;
    for (let at = 1; at <= bytes.byteLength; at++) {
      const isInCharacter = this.#splitsCharacters && ((bytes[at] ?? 0) & 0xc0) === 0x80;
      if (at < bytes.byteLength && !isInCharacter && at - start !== this.#pieceSize) continue;
      pieces.push({ bytes: bytes.slice(start, at), ...(this.#dripMs > 0 && { waitMs: this.#dripMs }) });
      start = at;
    }
    return pieces;
  }
}

function endOf({ name }: Fault): "eof" | "cut" | "reset" | "never" {
  return name === "cut" || name === "reset" || name === "eof" ? name : "never";
}
