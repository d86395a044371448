const pieceLength = 500;

/**
 * Cuts a text after ends of lines. As blocks, with white space kept, the pieces look as the whole does, and are laid out
 * each by itself: what is added at the end costs the same however long the text is.
 */
export function cutAtLines(text: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  while (text.length - from > pieceLength) {
    const end = text.indexOf("\n", from + pieceLength) + 1;
    if (end === 0) break;
    pieces.push(text.slice(from, end));
    from = end;
  }
  pieces.push(text.slice(from));
  return pieces;
}
