import { HeadraceError } from "../../../core/errors.ts";
import { percentDecoded } from "../../../core/percent-encoding.ts";
import { type Fault, parseFault, readDuration } from "./fault.ts";

/** What a request asks of the simulator besides an answer. */
export interface Wishes {
  faults: readonly Fault[];
  /** An answer of exactly so many words. */
  words?: number;
  /** Milliseconds between two tokens (words, when `words` is given), and before the first one. */
  intervalMs?: number;
  /** Reasoning ends with a signature. */
  signed?: true;
}

const mostWords = 10_000;
const longestText = 2_000;

/**
 * Reads `fault=cut@40&words=60&interval=15`; `fault=` may be left out.
 *
 * @throws HeadraceError `invalid-request` - says what is known instead.
 */
export function parseWishes(text: string): Wishes {
  if (text.length > longestText) {
    throw new HeadraceError(
      "invalid-request",
      `what is asked of the simulator is longer than ${longestText} characters`,
    );
  }
  const faults: Fault[] = [];
  const wishes: Wishes = { faults };
  for (const item of text.split(/[&;]/)) {
    const equals = item.indexOf("=");
    const name = item.slice(0, equals === -1 ? item.length : equals).trim();
    // Whatever is none of these words is a fault by itself, and may have an equals sign among its arguments.
    const key = ["fault", "words", "interval", "signed"].includes(name) ? name : "";
    const written = key === "" ? item : equals === -1 ? "" : item.slice(equals + 1);
    const value = percentDecoded(written);
    if (key === "words") wishes.words = readWords(value);
    else if (key === "interval") wishes.intervalMs = readDuration(value);
    else if (key === "signed") wishes.signed = true;
    else if (value.trim() !== "") faults.push(parseFault(value));
  }
  return wishes;
}

/** A model name with what follows its question mark. */
export function splitModel(name: string): { model: string; query: string } {
  const mark = name.indexOf("?");
  return mark === -1 ? { model: name, query: "" } : { model: name.slice(0, mark), query: name.slice(mark + 1) };
}

/** @throws HeadraceError `invalid-request` */
export function readWords(text: string): number {
  const words = Number(text);
  if (/^\d{1,6}$/.test(text) && words >= 1 && words <= mostWords) return words;
  throw new HeadraceError("invalid-request", `words is from 1 to ${mostWords}, but is ${JSON.stringify(text)}`);
}
