import type { Operation } from "../../../src/core/operation.ts";
import type { TraceSummary } from "../../../src/records/trace.ts";

export const operationTitles: Readonly<Record<Operation, string>> = {
  chat: "Chat",
  embeddings: "Embeddings",
  text_completion: "Completion",
};

/** What its tokens column tells: embeddings have no output that is counted in tokens. */
export function countedTokens({ operation, usage }: Pick<TraceSummary, "operation" | "usage">): number | undefined {
  return operation === "embeddings" ? usage?.inputTokens : usage?.outputTokens;
}
