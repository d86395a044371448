import type { Answer, Block, Choice } from "../core/answer.ts";
import { HeadraceError } from "../core/errors.ts";
import type { Citation, ProtocolName, StreamEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { writeGrounding } from "./gemini-citations.ts";
import { writeFinishReason } from "./gemini-finish.ts";
import { writeLogprobs } from "./gemini-logprobs.ts";
import { ChunkReader } from "./gemini-reader.ts";
import { writeUsage } from "./gemini-usage.ts";
import type { WriteOptions } from "./protocol.ts";
import { sealSignature } from "./signatures.ts";
import { objectOfArguments } from "./tool-arguments.ts";

/** A whole answer is a stream of one chunk, and complete by nature. */
export function readAnswer(body: JsonObject): StreamEvent[] {
  const reader = new ChunkReader({ endsWithoutMarker: true });
  return [...reader.read(JSON.stringify(body)), ...reader.end()];
}

/** @throws HeadraceError `interrupted-tool-call` - the arguments of a call are no JSON. */
export function writeAnswer(answer: Answer, { streamId }: WriteOptions): JsonObject {
  const { attempt, start, choices, usage } = answer;
  const from = attempt?.protocol;
  return {
    candidates: choices.map((choice, index) => writeCandidate(choice, index, from)),
    ...(usage !== undefined && { usageMetadata: writeUsage(usage) }),
    modelVersion: attempt?.model || start?.model || "",
    responseId: (from === "gemini" ? attempt?.responseId : undefined) ?? streamId,
  };
}

function writeCandidate({ blocks, finishReason }: Choice, index: number, from: ProtocolName | undefined): JsonObject {
  const texts = blocks.filter((block) => block.kind === "text");
  const citations = placeCitations(texts);
  const logprobs = writeLogprobs(texts.flatMap((block) => block.logprobs ?? []));
  return {
    content: { parts: writeParts(blocks, finishReason, from), role: "model" },
    finishReason: writeFinishReason({ reason: finishReason ?? "stop" }) ?? "STOP",
    index,
    ...(citations.length > 0 && {
      groundingMetadata: writeGrounding(citations, texts.map(({ text }) => text).join("")),
    }),
    ...(logprobs !== undefined && { logprobsResult: logprobs }),
  };
}

/** Citations count from the beginning of their block, Google's from the beginning of the answer. */
function placeCitations(texts: readonly Extract<Block, { kind: "text" }>[]): Citation[] {
  let before = 0;
  return texts.flatMap(({ text, citations = [] }) => {
    const shift = before;
    before += text.length;
    return citations.map(({ startIndex, endIndex, ...rest }) => ({
      ...rest,
      ...(startIndex !== undefined && { startIndex: startIndex + shift }),
      ...(endIndex !== undefined && { endIndex: endIndex + shift }),
    }));
  });
}

/** A signature goes into the part behind its reasoning, or into one of its own. */
function writeParts(
  blocks: readonly Block[],
  finishReason: Choice["finishReason"],
  from: ProtocolName | undefined,
): JsonObject[] {
  const parts: JsonObject[] = [];
  let signature: string | undefined;
  const add = (part: JsonObject): void => {
    parts.push(signature === undefined ? part : { ...part, thoughtSignature: signature });
    signature = undefined;
  };
  for (const block of blocks) {
    if (block.kind === "reasoning") {
      if (signature !== undefined) add({ text: "" });
      if (block.text !== "") parts.push({ text: block.text, thought: true });
      if (block.signature !== undefined && from !== undefined) {
        signature = sealSignature({ signature: block.signature, from }, "gemini");
      }
    } else if (block.kind === "tool-call") {
      const part = writeCall(block, finishReason);
      if (part !== undefined) add(part);
    } else {
      add({ text: block.text });
    }
  }
  if (signature !== undefined) add({ text: "" });
  return parts;
}

function writeCall(
  { toolKind, callId, name, argumentsText }: Extract<Block, { kind: "tool-call" }>,
  finishReason: Choice["finishReason"],
): JsonObject | undefined {
  const args = objectOfArguments(toolKind, argumentsText);
  if (args !== undefined) return { functionCall: { id: callId, name, args } };
  // A limit may cut a call; Google then shows none.
  if (finishReason === "length" || finishReason === "context_full" || finishReason === "content_filter") {
    return undefined;
  }
  throw new HeadraceError("interrupted-tool-call", "the arguments of a function call broke off");
}
