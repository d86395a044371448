import type { Rung } from "../core/events.ts";

/** What is known so far about how a new attempt's text joins what was said before. */
export type SeamVerdict =
  | { is: "undecided" }
  /** What comes is no continuation of this answer. */
  | { is: "rejected" }
  /** `text` is what goes on after the seam; `overlap` characters before it were said already. */
  | { is: "joined"; text: string; overlap: number; rung: Rung; confidence: number };

/** A repetition shorter than this may be chance. */
const shortestProof = 24;
/** Quotes, tags and dots that models put before the words they were asked to repeat. */
const beforeEcho = /^[\s"'`“”‘’«»>…*_-]*(?:<tail>|\.{3})?\s*/u;
const afterEcho = /^<\/tail>/;
const longestBeforeEcho = 24;

const undecided: SeamVerdict = { is: "undecided" };
const rejected: SeamVerdict = { is: "rejected" };

/**
 * Decides where the text of a continuation begins to be new. Nothing of it may be shown before.
 *
 * A model that was given the beginning may go on directly (`prefill`), repeat the last words first, as it was asked to
 * (`anchor-echo`), or say everything again (`prefix-match`). Whatever it was asked for, it may do any of these, so all are
 * looked for; only after `prefill` text that repeats nothing is taken for a continuation.
 */
export class SeamFinder {
  readonly #said: string;
  readonly #rung: Rung;
  #text = "";

  /** @param said - all visible text so far, not empty. */
  constructor(said: string, rung: Rung) {
    this.#said = said;
    this.#rung = rung;
  }

  /** Takes more of the new attempt's text. Not to be called again after a decision. */
  push(text: string): SeamVerdict {
    this.#text += text;
    return this.#decide(false);
  }

  /** The new attempt's text is complete. */
  end(): SeamVerdict {
    const verdict = this.#decide(true);
    return verdict.is === "undecided" ? rejected : verdict;
  }

  #decide(isComplete: boolean): SeamVerdict {
    if (this.#rung === "prefix-match") return this.#compare(this.#text, 0, isComplete) ?? rejected;
    const plain = this.#search(this.#text, isComplete);
    if (plain.is !== "rejected") return plain;
    if (this.#rung === "prefill") return this.#continued();
    const echo = this.#text.replace(beforeEcho, "");
    if (this.#text.length - echo.length > longestBeforeEcho) return rejected;
    // The marks before the echo may go on.
    if (echo === "" && !isComplete) return this.#text.length > longestBeforeEcho ? rejected : undecided;
    return this.#search(echo, isComplete);
  }

  /** The place in what was said from which on the text repeats it, the earliest one that leads to its end. */
  #search(text: string, isComplete: boolean): SeamVerdict {
    const said = this.#said;
    const proof = Math.min(shortestProof, said.length);
    if (text.length < proof) return !isComplete && said.includes(text) ? undecided : rejected;
    const head = text.slice(0, proof);
    for (let from = said.indexOf(head); from !== -1; from = said.indexOf(head, from + 1)) {
      const verdict = this.#compare(text, from, isComplete);
      if (verdict !== undefined) return verdict;
    }
    return rejected;
  }

  /** How text compares with what was said from a place on; undefined when it says something else. */
  #compare(text: string, from: number, isComplete: boolean): SeamVerdict | undefined {
    const overlap = this.#said.length - from;
    if (text.length < overlap) {
      if (isComplete || !this.#said.startsWith(text, from)) return undefined;
      return undecided;
    }
    if (!text.startsWith(this.#said.slice(from))) return undefined;
    const isRestart = from === 0;
    const rung = isRestart ? "prefix-match" : this.#rung === "prefill" ? "prefill" : "anchor-echo";
    const confidence = overlap >= shortestProof ? 1 : overlap / shortestProof;
    const rest = text.slice(overlap);
    return {
      is: "joined",
      text: rung === "anchor-echo" ? rest.replace(afterEcho, "") : rest,
      overlap,
      rung,
      confidence,
    };
  }

  /** A prefill went on where it was left. White space at the end was not sent along, and may come again. */
  #continued(): SeamVerdict {
    const blank = this.#said.slice(this.#said.trimEnd().length);
    const overlap = blank !== "" && this.#text.startsWith(blank) ? blank.length : 0;
    return { is: "joined", text: this.#text.slice(overlap), overlap, rung: "prefill", confidence: 0.9 };
  }
}
