import { Binary, TextCursor } from "lucide-react";

import type { Operation } from "../../../src/core/operation.ts";

const marks = { embeddings: Binary, text_completion: TextCursor };

/** What is no chat has a mark, which takes less room than its word. */
export function OperationMark({ operation }: { operation: Operation }) {
  if (operation === "chat") return null;
  const Mark = marks[operation];
  return <Mark size={14} aria-hidden className="text-muted shrink-0" />;
}
