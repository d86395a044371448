import { memo, useLayoutEffect, useRef, useState } from "react";

import { type Block, type BlockGroup, BlockReader } from "./block-reader.ts";
import { makeElements } from "./render.ts";

export interface MarkdownProps {
  text: string;
  /** Offsets in `text` where another attempt goes on. */
  seams?: readonly number[];
  /** More is to come. */
  growing?: boolean;
}

const none: readonly number[] = [];

/** An answer as a page, safe whatever it says. */
export function Markdown({ text, seams = none, growing = false }: MarkdownProps) {
  const [reader] = useState(() => new BlockReader());
  const groups = reader.read(text, seams, growing);
  return (
    <div className="prose-answer">
      {groups.map((blocks, index) => (
        // Blocks only ever come at the end, so their position is what they are.
        // oxlint-disable-next-line react/no-array-index-key
        <BlockGroupView key={index} blocks={blocks} last={growing && index === groups.length - 1} />
      ))}
    </div>
  );
}

const BlockGroupView = memo(function BlockGroupView({ blocks, last }: { blocks: BlockGroup; last: boolean }) {
  return (
    <div>
      {blocks.map((block, index) => (
        // oxlint-disable-next-line react/no-array-index-key
        <BlockView key={index} block={block} last={last && index === blocks.length - 1} />
      ))}
    </div>
  );
});

/** Made anew only when its own text changes. */
const BlockView = memo(
  function BlockView({ block: { html, source }, last }: { block: Block; last: boolean }) {
    const ref = useRef<HTMLDivElement>(null);
    useLayoutEffect(
      () => ref.current?.replaceChildren(html === undefined ? source : makeElements(html)),
      [html, source],
    );
    return <div ref={ref} className={`${html === undefined ? "as-written" : ""} ${last ? "caret-block" : ""}`} />;
  },
  (before, after) =>
    before.block.html === after.block.html && before.block.source === after.block.source && before.last === after.last,
);
