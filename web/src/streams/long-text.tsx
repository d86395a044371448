import { memo, type ReactNode } from "react";

import { cutAtLines } from "../lines.ts";

export interface Mark {
  /** Offset in the text. */
  at: number;
  mark: ReactNode;
}

const none: readonly Mark[] = [];

/** A text of any length that grows at its end, where white space is kept, with marks in it. */
export function LongText({ text, marks = none }: { text: string; marks?: readonly Mark[] }) {
  let from = 0;
  return cutAtLines(text).map((piece, index, pieces) => {
    const start = from;
    from += piece.length;
    const isLast = index === pieces.length - 1;
    const inside = marks.filter(({ at }) => at >= start && (at < from || (isLast && at === from)));
    return inside.length === 0 ? (
      <Piece key={start} text={piece} />
    ) : (
      <MarkedPiece key={start} {...{ piece, start, inside }} />
    );
  });
}

const Piece = memo(function Piece({ text }: { text: string }) {
  return <span className="block">{text}</span>;
});

function MarkedPiece({ piece, start, inside }: { piece: string; start: number; inside: readonly Mark[] }) {
  const ends = [...inside.map(({ at }) => at - start), piece.length];
  return (
    <span className="block">
      {piece.slice(0, ends[0])}
      {inside.flatMap(({ mark }, index) => [mark, piece.slice(ends[index], ends[index + 1])])}
    </span>
  );
}
