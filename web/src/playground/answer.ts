import type { FinishReason, Outcome, StreamEvent, Usage } from "../../../src/core/events.ts";
import { isWhole } from "../../../src/core/events.ts";
import type { ToolCall } from "./request.ts";

/** One attempt's text ends here and another one's begins. */
export interface SeamView {
  /** Offset in the text. */
  at: number;
  fromAttempt: number;
  toAttempt: number;
  rung: string;
  overlap: number;
  confidence: number;
}

/** An answer as far as it has arrived; times are those of `performance.now()`. */
export interface AnswerView {
  model: string;
  state: "waiting" | "writing" | "complete" | "stopped" | "broken";
  streamId?: string | undefined;
  text: string;
  reasoning: string;
  refusal: string;
  toolCalls: ToolCall[];
  seams: SeamView[];
  /** The ids that this page came back with after its connection broke. */
  resumedAfter: string[];
  /** `provider/model` of each attempt that began to answer. */
  servedBy: string[];
  warnings: string[];
  /** Pieces of content so far: about as many as tokens. */
  pieces: number;
  askedAt: number;
  firstPieceAt?: number;
  endedAt?: number;
  usage?: Usage;
  finishReason?: FinishReason;
  outcome?: Outcome;
  error?: string;
  /** The gateway cannot be reached at the moment. */
  away?: boolean;
}

export function emptyAnswer(model: string, askedAt: number): AnswerView {
  return {
    model,
    state: "waiting",
    text: "",
    reasoning: "",
    refusal: "",
    toolCalls: [],
    seams: [],
    resumedAfter: [],
    servedBy: [],
    warnings: [],
    pieces: 0,
    askedAt,
  };
}

/** Adds an event, in place. */
export function addEvent(answer: AnswerView, event: StreamEvent, now: number): void {
  if ("choice" in event && (event.choice ?? 0) !== 0) return;
  switch (event.type) {
    case "stream-start":
      answer.streamId = event.streamId;
      return;
    case "attempt-start":
      answer.servedBy.push(`${event.provider}/${event.model}`);
      return;
    case "text-delta":
      answer.text += event.text;
      return addPiece(answer, now);
    case "reasoning-delta":
      answer.reasoning += event.text;
      return addPiece(answer, now);
    case "refusal-delta":
      answer.refusal += event.text;
      return addPiece(answer, now);
    case "tool-call-start": {
      const { callId, name, kind } = event;
      answer.toolCalls[event.call] = { callId, name, kind, argumentsText: "" };
      return addPiece(answer, now);
    }
    case "tool-call-delta": {
      const call = answer.toolCalls[event.call];
      if (call !== undefined) call.argumentsText += event.argumentsText;
      return addPiece(answer, now);
    }
    case "seam": {
      const { fromAttempt, toAttempt, rung, overlap, confidence } = event;
      answer.seams = [...answer.seams, { at: answer.text.length, fromAttempt, toAttempt, rung, overlap, confidence }];
      return;
    }
    case "warning":
      answer.warnings.push(event.message);
      return;
    case "usage":
      answer.usage = event.usage;
      return;
    case "finish":
      answer.finishReason = event.reason;
      return;
    case "stream-end":
      return end(answer, event, now);
    default:
  }
}

/** The answer could not be had, or not to its end. */
export function failAnswer(answer: AnswerView, message: string, now: number): void {
  answer.state = "broken";
  answer.error = message;
  answer.endedAt = now;
}

/** Nothing more of it is read. */
export function stopAnswer(answer: AnswerView, now: number): void {
  answer.state = "stopped";
  answer.endedAt = now;
}

function addPiece(answer: AnswerView, now: number): void {
  answer.pieces += 1;
  answer.state = "writing";
  answer.firstPieceAt ??= now;
}

function end(answer: AnswerView, { outcome, error }: Extract<StreamEvent, { type: "stream-end" }>, now: number): void {
  answer.outcome = outcome;
  answer.endedAt = now;
  answer.state = isWhole(outcome) ? "complete" : outcome === "cancelled" ? "stopped" : "broken";
  if (answer.state === "broken") answer.error = error?.message ?? `The stream ended as ${outcome}.`;
}

export interface AnswerNumbers {
  timeToFirstTokenMs: number | undefined;
  tokens: number;
  tokensPerSecond: number | undefined;
}

/** What can be said of its speed now. */
export function numbersOf(answer: AnswerView, now: number): AnswerNumbers {
  const { firstPieceAt, askedAt, endedAt, usage, pieces } = answer;
  const tokens = usage?.outputTokens ?? pieces;
  const seconds = firstPieceAt === undefined ? 0 : ((endedAt ?? now) - firstPieceAt) / 1000;
  return {
    timeToFirstTokenMs: firstPieceAt === undefined ? undefined : firstPieceAt - askedAt,
    tokens,
    // Over less than this it is noise.
    tokensPerSecond: seconds > 0.1 ? tokens / seconds : undefined,
  };
}
