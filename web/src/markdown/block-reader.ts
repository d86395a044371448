import type { Token } from "marked";

import { cutAtLines } from "../lines.ts";
import { readTokens, withSeams, writeHtml } from "./render.ts";

/** A paragraph, a list, a table. */
export interface Block {
  /** As the model would have it; not safe yet. Undefined where the text is shown as it was written. */
  html: string | undefined;
  source: string;
}

/** Blocks that are shown together. The same object as before where nothing has changed. */
export type BlockGroup = readonly Block[];

const groupSize = 32;
/** What goes on for longer than this is shown as written until it ends: it would be read from its begin again and again. */
const mostUnfinished = 16_000;
/** Where a link leads that may stand anywhere in the text. */
const definition = /^ {0,3}\[[^\]\n]+\]:/m;

/** Cuts a growing text into blocks. What is finished is read once: a long answer costs as much per token as a short one. */
export class BlockReader {
  readonly #finished: Block[] = [];
  #finishedSource = "";
  readonly #fullGroups: BlockGroup[] = [];
  /** Length of the unfinished text that was read last and is shown as written; 0 when it is shown as a page. */
  #tooLong = 0;
  #last: { source: string; growing: boolean; groups: readonly BlockGroup[] } | undefined;

  /**
   * @param seams - offsets in the text, to be marked.
   * @param growing - more is to come: what is begun and not closed yet is closed.
   */
  read(text: string, seams: readonly number[], growing: boolean): readonly BlockGroup[] {
    const source = withSeams(text, seams);
    if (this.#last?.source === source && this.#last.growing === growing) return this.#last.groups;
    if (!source.startsWith(this.#finishedSource) || (!growing && definition.test(source))) this.#forget();
    const rest = source.slice(this.#finishedSource.length);
    const groups = this.#grouped(growing ? this.#readGrowing(rest) : readTokens(rest, false).flatMap(toBlock));
    this.#last = { source, growing, groups };
    return groups;
  }

  #forget(): void {
    this.#finished.length = 0;
    this.#finishedSource = "";
    this.#fullGroups.length = 0;
    this.#tooLong = 0;
  }

  /** Reads what is not finished; returns what of it may still change. */
  #readGrowing(rest: string): Block[] {
    // Without an empty line it has hardly come to an end.
    const hasEnded = rest.length > 2 * this.#tooLong && rest.includes("\n\n", this.#tooLong);
    if (this.#tooLong > 0 && !hasEnded) return asWritten(rest);
    const tokens = readTokens(rest, true);
    // What follows changes the last block, or what it takes for one.
    const count = tokens.flatMap(({ type }, index) => (type === "space" ? [] : [index])).at(-2) ?? 0;
    const source = sourceOf(tokens.slice(0, count));
    // Closing what is open may have changed more than the end.
    const isFinished = rest.startsWith(source);
    if (isFinished) {
      this.#finished.push(...tokens.slice(0, count).flatMap(toBlock));
      this.#finishedSource += source;
    }
    const unfinished = isFinished ? rest.slice(source.length) : rest;
    this.#tooLong = unfinished.length > mostUnfinished ? unfinished.length : 0;
    if (this.#tooLong > 0) return asWritten(unfinished);
    return tokens.slice(isFinished ? count : 0).flatMap(toBlock);
  }

  #grouped(unfinished: readonly Block[]): readonly BlockGroup[] {
    const full = this.#fullGroups;
    const at = (group: number) => group * groupSize;
    while (this.#finished.length >= at(full.length + 1)) {
      full.push(this.#finished.slice(at(full.length), at(full.length + 1)));
    }
    const others = [...this.#finished.slice(at(full.length)), ...unfinished];
    const groups = Math.ceil(others.length / groupSize);
    return [...full, ...Array.from({ length: groups }, (_, group) => others.slice(at(group), at(group + 1)))];
  }
}

function sourceOf(tokens: readonly Token[]): string {
  return tokens.map(({ raw }) => raw).join("");
}

function toBlock(token: Token): Block[] {
  return token.type === "space" || token.type === "def" ? [] : [{ html: writeHtml(token), source: token.raw }];
}

function asWritten(text: string): Block[] {
  return cutAtLines(text).map((source) => ({ html: undefined, source }));
}
