import { memo, useLayoutEffect, useMemo, useRef } from "react";

import { type Block, readBlocks, renderBlock } from "./render.ts";

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
  const blocks = useMemo(() => readBlocks(text, seams, growing), [text, seams, growing]);
  return (
    <div className={`prose-answer ${growing ? "growing" : ""}`}>
      {blocks.map((block, index) => (
        // Blocks only ever grow at the end, so their position is what they are.
        // oxlint-disable-next-line react/no-array-index-key
        <BlockView key={index} block={block} last={growing && index === blocks.length - 1} />
      ))}
    </div>
  );
}

/** Made anew only when its own source changes: a long answer costs as much per token as a short one. */
const BlockView = memo(
  function BlockView({ block, last }: { block: Block; last: boolean }) {
    const ref = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => ref.current?.replaceChildren(renderBlock(block)), [block]);
    return <div ref={ref} className={last ? "caret-block" : undefined} />;
  },
  (before, after) => before.block.raw === after.block.raw && before.last === after.last,
);
