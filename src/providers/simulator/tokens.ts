// Cut as byte-pair encodings cut: the space belongs to the word after it, long words and numbers have several tokens.
const token = / ?[\p{L}\p{M}]{1,12}| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]{1,8}|\s*[\r\n]+|\s+(?!\S)|\s/gu;

/** The tokens of a text; joined they are the text again. */
export function tokensOf(text: string): string[] {
  return text.match(token) ?? [];
}

export function countTokens(text: string): number {
  return tokensOf(text).length;
}

/** The words of a text, each with the space before it; joined they are the text again. */
export function wordsOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}
