import type { Rung } from "../core/events.ts";

/** What is known so far about how a new attempt's text joins what was said before. */
export type SeamVerdict =
  | { is: "undecided" }
  /** What comes is no continuation of this answer. */
  | { is: "rejected" }
  /** `text` is what goes on after the seam; `overlap` characters before it were said already. */
  | { is: "joined"; text: string; overlap: number; rung: Rung; confidence: number };

/** A repetition shorter than this may be chance. */
export const shortestProof = 24;
/** And a repetition of the very last words that is shorter than this probably is. */
const longestChance = 7;
/** Quotes, tags and dots that models put before the words they were asked to repeat. */
const beforeEcho = /^[\s"'`“”‘’«»>…*_.-]*/u;
const tag = "<tail>";
const closingTag = "</tail>";
const closingQuotes: Readonly<Record<string, string>> = { "“": "”", "‘": "’", "«": "»" };
const longestBeforeEcho = 24;

const undecided: SeamVerdict = { is: "undecided" };
const rejected: SeamVerdict = { is: "rejected" };

/**
 * Decides where the text of a continuation begins to be new. Nothing of it may be shown before.
 *
 * A model that was given the beginning may go on directly (`prefill`), repeat the last words first, as it was asked to
 * (`anchor-echo`), or say everything again (`prefix-match`). Whatever it was asked for, it may do any of these, so all are
 * looked for; only after `prefill` text that repeats nothing is taken for a continuation. Into how many pieces the text
 * comes cut makes no difference.
 */
export class SeamFinder {
  readonly #said: string;
  /** What a model can be given of it: not the white space at its end, nor half of a surrogate pair. */
  readonly #given: string;
  readonly #notGiven: string;
  readonly #rung: Rung;
  #text = "";

  /** @param said - all visible text so far, not empty. */
  constructor(said: string, rung: Rung) {
    this.#said = said;
    this.#given = said.replace(/[\ud800-\udbff]$/, "").trimEnd();
    this.#notGiven = said.slice(this.#given.length);
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
    if (this.#rung === "prefix-match" || this.#given === "")
      return this.#compare(this.#text, 0, isComplete) ?? rejected;
    if (this.#rung === "prefill") return this.#afterPrefill(isComplete);
    const plain = this.#search(this.#text, isComplete);
    return plain.is === "rejected" ? this.#afterMarks(isComplete) : plain;
  }

  #afterPrefill(isComplete: boolean): SeamVerdict {
    const text = this.#text;
    if (this.#given.length >= shortestProof) {
      const found = this.#search(text, isComplete);
      if (found.is !== "rejected") return found;
      // Said anew, and differently.
      if (text.startsWith(this.#given.slice(0, shortestProof)) || this.#mayRepeat(text)) return rejected;
    } else {
      // Too short to tell a new beginning from a continuation that begins alike.
      if (text.startsWith(this.#given)) return rejected;
      if (!isComplete && this.#said.includes(text)) return undecided;
      if (this.#mayRepeat(text)) return rejected;
    }
    return this.#continued(isComplete);
  }

  /** Repeats the very last words: too few for a proof, too many for chance. */
  #mayRepeat(text: string): boolean {
    for (let length = Math.min(shortestProof - 1, text.length); length > longestChance; length--) {
      const words = text.slice(0, length);
      if (this.#said.endsWith(words) || this.#given.endsWith(words)) return true;
    }
    return false;
  }

  /** The echo that was asked for may stand behind quotes, tags or dots. */
  #afterMarks(isComplete: boolean): SeamVerdict {
    const text = this.#text;
    const [marks = ""] = beforeEcho.exec(text) ?? [];
    let at = marks.length;
    const left = text.slice(at);
    if (left.length < tag.length && tag.startsWith(left)) {
      return isComplete || at > longestBeforeEcho ? rejected : undecided;
    }
    if (left.startsWith(tag)) {
      at += tag.length;
      at += text.slice(at).length - text.slice(at).trimStart().length;
      if (at === text.length) return isComplete || at > longestBeforeEcho ? rejected : undecided;
    }
    if (at > longestBeforeEcho) return rejected;
    return this.#search(text.slice(at), isComplete, closingOf(marks));
  }

  /** The place in what was said from which on the text repeats it, the earliest one that leads to its end. */
  #search(text: string, isComplete: boolean, closing?: string): SeamVerdict {
    const given = this.#given;
    const proof = Math.min(shortestProof, given.length);
    if (text.length < proof) return !isComplete && this.#said.includes(text) ? undecided : rejected;
    const head = text.slice(0, proof);
    for (let from = given.indexOf(head); from !== -1; from = given.indexOf(head, from + 1)) {
      const verdict = this.#compare(text, from, isComplete, closing);
      if (verdict !== undefined) return verdict;
    }
    return rejected;
  }

  /** How text compares with what was said from a place on; undefined when it says something else. */
  #compare(text: string, from: number, isComplete: boolean, closing?: string): SeamVerdict | undefined {
    const repeated = this.#given.length - from;
    if (text.length < repeated) return !isComplete && this.#given.startsWith(text, from) ? undecided : undefined;
    if (!text.startsWith(from === 0 ? this.#given : this.#given.slice(from))) return undefined;
    const rung = from === 0 ? "prefix-match" : this.#rung === "prefill" ? "prefill" : "anchor-echo";
    const marks = this.#rung === "anchor-echo" ? [closingTag, ...(closing === undefined ? [] : [closing])] : [];
    const joint = this.#joint(text.slice(repeated), marks, isComplete);
    if (joint === undefined) return undecided;
    if (joint.isBroken) return undefined;
    const overlap = repeated + joint.overlap;
    // All of it, however short it is: then the answer is as the new attempt gives it.
    const isProven = from === 0 || overlap >= shortestProof;
    return { is: "joined", text: joint.text, overlap, rung, confidence: isProven ? 1 : overlap / shortestProof };
  }

  /**
   * What follows a repetition: perhaps the marks that end it, and what of the end a model was not given. Undefined while
   * that may still come.
   */
  #joint(rest: string, marks: readonly string[], isComplete: boolean) {
    const wanted = this.#notGiven;
    let overlap = commonLength(rest, wanted);
    if (!isComplete && overlap === rest.length && overlap < wanted.length) return undefined;
    let text = rest.slice(overlap);
    if (!isComplete && marks.some((mark) => text.length < mark.length && mark.startsWith(text))) return undefined;
    const mark = marks.find((one) => text.startsWith(one));
    if (mark !== undefined) {
      text = text.slice(mark.length);
      if (overlap === 0) {
        overlap = commonLength(text, wanted);
        if (!isComplete && overlap === text.length && overlap < wanted.length) return undefined;
        text = text.slice(overlap);
      }
    }
    return { text, overlap, isBroken: overlap < wanted.length && /[\ud800-\udbff]$/.test(wanted) };
  }

  /** A prefill went on where it was left. */
  #continued(isComplete: boolean): SeamVerdict {
    const joint = this.#joint(this.#text, [], isComplete);
    if (joint === undefined) return undecided;
    if (joint.isBroken) return rejected;
    return { is: "joined", text: joint.text, overlap: joint.overlap, rung: "prefill", confidence: 0.9 };
  }
}

/** The marks that end what these began, such as `”` for `“`; undefined when they need no end. */
function closingOf(marks: string): string | undefined {
  const quotes = marks.replace(/[\s>….-]/g, "");
  if (quotes === "") return undefined;
  return Array.from(quotes)
    .toReversed()
    .map((mark) => closingQuotes[mark] ?? mark)
    .join("");
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}
