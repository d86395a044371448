/** Breaks lines between words while text is still being printed. */
export interface WordWrap {
  /** Takes the next piece of styled text and returns what to print for it. */
  push(text: string): string;
  /** The cursor is at the beginning of a line again, after something that was printed as it was. */
  reset(): void;
}

const escape = "\u001b[";
// oxlint-disable-next-line no-control-regex
const stylesAndCharacters = /\u001b\[[\d;]*m|[^]/gu;

/**
 * A word is shown from its first letter on; when it turns out not to fit, it is taken back and printed again on the next
 * line. One column stays free: in the last one, terminals do not agree on where the cursor is.
 */
export function createWordWrap(columns: number): WordWrap {
  const width = columns - 1;
  let column = 0;
  let word = "";
  let wordWidth = 0;
  const startWord = () => {
    word = "";
    wordWidth = 0;
  };

  const step = (token: string): string => {
    if (token.startsWith(escape)) {
      word += token;
      return token;
    }
    if (token === "\n") {
      startWord();
      column = 0;
      return token;
    }
    if (token === " ") {
      startWord();
      // Nobody sees a space at the end of a line.
      if (column >= width) return "";
      column += 1;
      return token;
    }
    const tokenWidth = widthOf(token);
    if (column + tokenWidth <= width || wordWidth >= column) {
      column += tokenWidth;
      wordWidth += tokenWidth;
      word += token;
      return token;
    }
    const takenBack = wordWidth === 0 ? "" : `${escape}${wordWidth}D${escape}K`;
    word += token;
    wordWidth += tokenWidth;
    column = wordWidth;
    return `${takenBack}\n${word}`;
  };

  return {
    push: (text) => (text.match(stylesAndCharacters) ?? []).map(step).join(""),
    reset() {
      startWord();
      column = 0;
    },
  };
}

/** Columns that a character takes: East Asian ones and emoji two, marks on top of others none. */
function widthOf(character: string): number {
  if (/^(?:\p{Mark}|[\u200b-\u200f])$/u.test(character)) return 0;
  return /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\uff01-\uff60]$/u.test(
    character,
  )
    ? 2
    : 1;
}
