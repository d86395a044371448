import type { Answer, Block } from "../core/answer.ts";
import type { StreamEvent } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { writeCall, writeCounts, writeDoneReason } from "./ollama-canonical.ts";
import type { LineShape } from "./ollama-line.ts";
import { OllamaReader } from "./ollama-reader.ts";

const utf8 = new TextEncoder();

/** A whole answer is a single line that says everything and `done`. */
export function readAnswer(body: JsonObject, shape: LineShape): StreamEvent[] {
  const reader = new OllamaReader(shape);
  const isAnswer = body["error"] === undefined && (body[shape.holder ?? shape.text] ?? undefined) !== undefined;
  // A document is whole by nature, so a mark that is missing is not a sign of a cut.
  const line = isAnswer ? { ...body, done: true } : body;
  return [...reader.push(utf8.encode(`${JSON.stringify(line)}\n`)), ...reader.end()];
}

/** Members that the answer itself tells. */
const told = new Set(["model", "created_at", "message", "response", "thinking", "tool_calls", "done", "logprobs"]);

export function writeAnswer(answer: Answer, shape: LineShape): JsonObject {
  const { attempt, start, usage, choices, lastExtra } = answer;
  const isOwn = attempt?.protocol === shape.protocol;
  const blocks = choices[0]?.blocks ?? [];
  const content = blocks.map((block) => (block.kind === "text" || block.kind === "refusal" ? block.text : "")).join("");
  const thinking = blocks.map((block) => (block.kind === "reasoning" ? block.text : "")).join("");
  const calls = blocks.filter((block) => block.kind === "tool-call").map(writeBlock);
  const held = {
    ...(thinking !== "" && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  const logprobs = logprobsOf(blocks);
  return {
    model: attempt?.model || start?.model || "",
    created_at: new Date(start?.createdAt ?? 0).toISOString(),
    ...(shape.holder === undefined
      ? { response: content, ...held }
      : { message: { role: "assistant", content, ...held } }),
    done: true,
    done_reason: writeDoneReason(choices[0]?.finishReason ?? "stop"),
    ...writeCounts(usage),
    ...(logprobs.length > 0 && { logprobs }),
    // Durations and whatever else the provider's first and last lines said.
    ...(isOwn && { ...restOf(attempt.extra), ...restOf(lastExtra) }),
  };
}

function writeBlock(block: Extract<Block, { kind: "tool-call" }>, call: number): JsonObject {
  const { callId, name, toolKind, argumentsText } = block;
  return writeCall({ call, callId, name, kind: toolKind }, argumentsText);
}

/** Each line had its own list of tokens; the answer has one of all. */
function logprobsOf(blocks: readonly Block[]): Json[] {
  return blocks.flatMap((block) => {
    const pieces = block.kind === "text" ? (block.logprobs ?? []) : [];
    return pieces.flatMap((piece) => (isJsonObject(piece) && Array.isArray(piece["content"]) ? piece["content"] : []));
  });
}

function restOf(extra: JsonObject | undefined): JsonObject {
  const { at, set } = extra ?? {};
  const rest = isJsonObject(set) ? Object.entries(set).filter(([key]) => !told.has(key)) : [];
  return { ...(typeof at === "string" && { created_at: at }), ...Object.fromEntries(rest) };
}
