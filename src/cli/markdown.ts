import { createWordWrap } from "./word-wrap.ts";

/** Turns Markdown into styled text for a terminal, as it arrives: what is decided is shown at once. */
export interface MarkdownRenderer {
  /** Takes the next piece and returns what can be shown of it. */
  push(text: string): string;
  /** The rest, with all styles off. */
  end(): string;
}

/** How far the beginning of a line has to be known before it can be told what the line is. */
const undecidedLine = /^ *(?:[-*+] *|\d{1,3}[.)]?)?$|^ {0,3}(?:#{1,6}|>|`{1,2}|`{3}[^\n]*|~{1,2}|~{3}[^\n]*|[*_-]+)$/;

// A line that is still undecided after this much is just text.
const longestMark = 200;

const fenceLine = /^ {0,3}(?:`{3,}|~{3,})(?![`~])([^\n`]*)\n/;
const ruleLine = /^ {0,3}(?:-{3,}|\*{3,}|_{3,}) *\n/;
const headingMark = /^ {0,3}(#{1,6}) +/;
const quoteMark = /^ {0,3}> ?/;
const bulletMark = /^( *)[-*+] +(?=\S)/;
const numberMark = /^( *)(\d{1,3}[.)]) +/;
const escape = "\u001b[";

/** @param columns - width of the terminal; prose is wrapped to it, code is left as it is. */
export function createMarkdownRenderer(columns = Number.POSITIVE_INFINITY): MarkdownRenderer {
  const wrap = createWordWrap(columns);
  let pending = "";
  let atLineStart = true;
  let inFence = false;
  const on = { heading: false, bold: false, italic: false, code: false };
  let previous = "\n";

  const style = () => {
    const codes = [0];
    if (on.bold || on.heading) codes.push(1);
    if (on.italic) codes.push(3);
    if (on.code) codes.push(36);
    return `${escape}${codes.join(";")}m`;
  };
  const dim = (text: string) => `${escape}2m${text}${escape}0m`;
  const take = (length: number) => {
    const taken = pending.slice(0, length);
    pending = pending.slice(length);
    previous = taken.at(-1) ?? previous;
    return taken;
  };

  /** What begins the line, or undefined when more of it must be known. */
  const lineStart = (complete: boolean): string | undefined => {
    const fence = fenceLine.exec(pending);
    if (fence !== null) {
      inFence = !inFence;
      take(fence[0].length);
      const language = fence[1]?.trim() ?? "";
      return inFence && language !== "" ? `${dim(`── ${language}`)}\n` : `${dim("──")}\n`;
    }
    if (!complete && pending.length < longestMark && undecidedLine.test(pending)) return undefined;
    atLineStart = false;
    if (inFence) return "";
    const rule = ruleLine.exec(pending);
    if (rule !== null) {
      take(rule[0].length);
      atLineStart = true;
      return `${dim("─".repeat(24))}\n`;
    }
    return markOfLine();
  };

  const markOfLine = (): string => {
    const heading = headingMark.exec(pending);
    if (heading !== null) {
      take(heading[0].length);
      on.heading = true;
      return style();
    }
    const quote = quoteMark.exec(pending);
    if (quote !== null) {
      take(quote[0].length);
      return dim("│ ");
    }
    const bullet = bulletMark.exec(pending);
    if (bullet !== null) {
      take(bullet[0].length);
      return `${bullet[1]}• `;
    }
    const number = numberMark.exec(pending);
    if (number === null) return "";
    take(number[0].length);
    return `${number[1]}${dim(number[2] ?? "")} `;
  };

  const newline = () => {
    take(1);
    atLineStart = true;
    // Emphasis ends with its line: a lone asterisk must not colour the rest of the answer.
    const wasStyled = on.heading || on.bold || on.italic || on.code;
    on.heading = on.bold = on.italic = on.code = false;
    return wasStyled ? `${style()}\n` : "\n";
  };

  /** The next step inside a line, or undefined when more must be known. */
  const inline = (complete: boolean): string | undefined => {
    const [char = ""] = pending;
    if (char === "\n") return newline();
    if (inFence) return dim(take(lengthUntil(pending, /\n/)));
    if (char === "`") return toggleCode();
    if (on.code) return take(lengthUntil(pending, /[`\n]/));
    if (char === "\\") {
      if (pending.length < 2 && !complete) return undefined;
      if (/^\\[\\`*_{}[\]()#+.!>~|-]/.test(pending)) take(1);
      return take(1);
    }
    if (char === "*" || char === "_") return emphasis(char, complete);
    return take(lengthUntil(pending, /[\n`\\*_]/));
  };

  const toggleCode = () => {
    take(1);
    on.code = !on.code;
    return style();
  };

  const emphasis = (char: string, complete: boolean): string | undefined => {
    const run = /^(?:\*+|_+)/.exec(pending)?.[0].length ?? 1;
    // One more character tells whether it opens, closes, or is just an asterisk.
    if (run === pending.length && run <= 3 && !complete) return undefined;
    const next = pending[run] ?? "\n";
    const strong = run >= 2;
    const isOn = strong ? on.bold : on.italic;
    const touches = isOn ? !/\s/.test(previous) : !/\s/.test(next);
    // An underscore inside a word, as in snake_case, means nothing.
    const insideWord = char === "_" && (isOn ? /\w/.test(next) : /\w/.test(previous));
    if (run > 3 || !touches || insideWord) return take(run);
    take(run);
    if (strong) on.bold = !on.bold;
    if (run !== 2) on.italic = !on.italic;
    return style();
  };

  const drain = (complete: boolean): string => {
    let output = "";
    while (pending !== "") {
      const step = atLineStart ? lineStart(complete) : inline(complete);
      if (step === undefined) break;
      // The line that closes a fence is printed as it is, too.
      if (inFence || step.endsWith("\n")) wrap.reset();
      output += inFence || step.endsWith("\n") ? step : wrap.push(step);
    }
    return output;
  };

  return {
    push(text) {
      pending += text;
      return drain(false);
    },
    end() {
      return `${drain(true)}${escape}0m`;
    },
  };
}

/** Length of the text before the first match, at least 1. */
function lengthUntil(text: string, stop: RegExp): number {
  const index = text.search(stop);
  return index === -1 ? text.length : Math.max(1, index);
}
