import type { ErrorReport } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** The wire formats that Headrace knows; what each of them is lies in `protocols/`. */
export type ProtocolName =
  | "openai-chat"
  | "anthropic-messages"
  | "openai-responses"
  | "bedrock-converse"
  | "gemini"
  | "ollama-chat"
  | "ollama-generate"
  | "plain-text"
  | "event-source"
  | "events"
  | "ui-message-stream";

/**
 * Why a choice stopped.
 *
 * `stop` is the natural end; `stop_sequence` a stop string of the request; `context_full` the end of the
 * model's context; `paused` a provider that wants to be called again; `error` a provider that gave up.
 */
export type FinishReason =
  | "stop"
  | "stop_sequence"
  | "tool_calls"
  | "length"
  | "context_full"
  | "content_filter"
  | "paused"
  | "malformed_tool_call"
  | "error"
  | "other";

/** How a stream ended. The first three are whole answers as far as the provider is concerned. */
export type Outcome = "completed" | "length" | "content_filter" | "cancelled" | "interrupted" | "failed";

/** Token counts of one answer so far; a later report replaces an earlier one. */
export interface Usage {
  /** Includes cached tokens. */
  inputTokens: number;
  /** Includes reasoning tokens. */
  outputTokens: number;
  cachedInputTokens?: number;
  cacheWriteTokens?: number;
  reasoningTokens?: number;
  /** Included in `inputTokens`, as pictures are; what is neither is text, or has the price of text. */
  inputAudioTokens?: number;
  inputImageTokens?: number;
  /** Audio from the cache: included in `cachedInputTokens` and in `inputAudioTokens`. */
  cachedAudioTokens?: number;
  /** Included in `outputTokens`, as pictures are. */
  outputAudioTokens?: number;
  outputImageTokens?: number;
  totalTokens?: number;
  /** What the provider says that it charges for all of it, in US dollars. */
  costUsd?: number;
  /** Counted by us because the provider did not say. */
  estimated?: true;
}

/** What holds for every event that stems from a provider's frame. */
interface FromProvider {
  /**
   * What the frame said beyond the event's own fields, in the words of the attempt's protocol. Writers of that
   * protocol put it back, so that nothing is lost between equal protocols; all others leave it alone.
   */
  extra?: JsonObject;
  /** The next event stems from the same frame; `extra` is then on the last of them. */
  more?: true;
}

/** Within one of several answers to the same request. */
interface OfChoice {
  /** Which of `n` answers; left out it is 0. */
  choice?: number;
}

/** The header: the first entry of every log, written before anything is asked of a provider. */
export interface StreamStart {
  type: "stream-start";
  streamId: string;
  /** Version of the log format; readers refuse what they do not know. */
  format: 1;
  /** The protocol that the stream was started in, and is rendered in by default. */
  protocol: ProtocolName;
  /** The model as asked for. */
  model: string;
  /** Milliseconds since the epoch. Whatever is rendered takes its time from here, not from a clock. */
  createdAt: number;
  /** How many answers were asked for; left out it is 1. */
  choices?: number;
  /** Whoever started the stream asked for usage in it, so whoever resumes it gets usage too. */
  includeUsage?: true;
  chat?: ChatReference;
  /** What its owner wants to find it by. */
  tags?: Readonly<Record<string, string>>;
  /** What was asked, in the words of `protocol`; kept where clients of the protocol may ask for it again. */
  request?: JsonObject;
}

/** The conversation that a stream belongs to, for clients that name theirs. */
export interface ChatReference {
  /** As the client calls it; it means nothing to other owners. */
  id: string;
  /** The answer is added to a message that the client has already, such as one whose tools it has run. */
  continues?: {
    messageId: string;
    /** What the message held, as the client wrote it. */
    parts: Json[];
  };
}

/** A provider began to answer. Constant facts of the answer are here, once. */
export interface AttemptStart extends FromProvider {
  type: "attempt-start";
  provider: string;
  /** The model as the provider calls it. */
  model: string;
  /** What `extra` of the following events is written in; user-written models have none. */
  protocol?: ProtocolName;
  /** The provider's own id of the answer. */
  responseId?: string;
  /** Number of the attempt within its stream; left out it is 0, the first one. */
  attempt?: number;
}

export type BlockKind = "text" | "reasoning" | "refusal";

/** A new block begins. Protocols without explicit blocks leave it out: a delta of another kind then begins one. */
export interface BlockStart extends FromProvider, OfChoice {
  type: "block-start";
  kind: BlockKind;
}

/** The current block is complete. As optional as `block-start`. */
export interface BlockEnd extends FromProvider, OfChoice {
  type: "block-end";
}

export interface TextDelta extends FromProvider, OfChoice {
  type: "text-delta";
  text: string;
  /** Log probabilities of these tokens, as OpenAI writes them. */
  logprobs?: Json;
}

export interface ReasoningDelta extends FromProvider, OfChoice {
  type: "reasoning-delta";
  text: string;
}

/** The vendor's proof that the reasoning before it is its own; only that vendor can read it. */
export interface ReasoningSignature extends FromProvider, OfChoice {
  type: "reasoning-signature";
  signature: string;
  /** There is no readable text: the signature is the whole block, encrypted. */
  redacted?: true;
}

export interface RefusalDelta extends FromProvider, OfChoice {
  type: "refusal-delta";
  text: string;
}

export interface ToolCallStart extends FromProvider, OfChoice {
  type: "tool-call-start";
  /** Position among the tool calls of its choice, from 0; the deltas name it again. */
  call: number;
  callId: string;
  name: string;
  /** `function` arguments are JSON text, `custom` input is free text. */
  kind: "function" | "custom";
}

export interface ToolCallDelta extends FromProvider, OfChoice {
  type: "tool-call-delta";
  call: number;
  argumentsText: string;
}

/** Where a statement of the text before it comes from. Indexes count UTF-16 code units of the block's text. */
export interface CitationEvent extends FromProvider, OfChoice {
  type: "citation";
  citation: Citation;
}

export interface Citation {
  url?: string;
  /** Of the page or the document. */
  title?: string;
  /** The cited words, as the source has them. */
  quote?: string;
  /** Position among the documents of the request, from 0. */
  documentIndex?: number;
  /** The part of the answer that is backed by it. */
  startIndex?: number;
  endIndex?: number;
}

/** A choice is complete. */
export interface Finish extends FromProvider, OfChoice {
  type: "finish";
  reason: FinishReason;
  /** The provider's own word, where it says more than `reason`. */
  providerReason?: string;
  /** Which stop string of the request it was, for `stop_sequence`, where the provider says so. */
  stopSequence?: string;
}

export interface UsageReport extends FromProvider {
  type: "usage";
  usage: Usage;
}

/** A frame without any step of the answer, kept for readers of the same protocol; it is all in `extra`. */
export interface VendorFrame extends FromProvider {
  type: "vendor-frame";
}

/** Something of the request was left out or changed on the way to this attempt's provider. Says what, and why. */
export interface WarningEvent {
  type: "warning";
  message: string;
}

/** How a continuation was found to join what was already said. The first one that proves its seam is taken. */
export type Rung = "native-resume" | "prefill" | "anchor-echo" | "prefix-match";

/** What follows comes from another attempt, which goes on where the last one broke off. */
export interface Seam {
  type: "seam";
  /** Numbers of attempts, from 0. */
  fromAttempt: number;
  toAttempt: number;
  rung: Rung;
  /** Characters that the new attempt repeated and that were taken out. */
  overlap: number;
  /** From 0 to 1; 1 is proven. */
  confidence: number;
}

/** The terminal entry: exactly one, the last one. */
export interface StreamEnd {
  type: "stream-end";
  outcome: Outcome;
  /** Why, for `interrupted` and `failed`. */
  error?: ErrorReport;
}

/** One step of an answer, in the order the model produced it. */
export type StreamEvent =
  | StreamStart
  | AttemptStart
  | BlockStart
  | BlockEnd
  | TextDelta
  | ReasoningDelta
  | ReasoningSignature
  | RefusalDelta
  | ToolCallStart
  | ToolCallDelta
  | CitationEvent
  | Finish
  | WarningEvent
  | Seam
  | UsageReport
  | VendorFrame
  | StreamEnd;

/** After a terminal event nothing follows; every stream has exactly one. */
export function isTerminal(event: StreamEvent): event is StreamEnd {
  return event.type === "stream-end";
}

/** The provider came to an end of its own, as opposed to being stopped or cut. */
export function isWhole(outcome: Outcome): boolean {
  return outcome === "completed" || outcome === "length" || outcome === "content_filter";
}

/** The outcome of an answer whose choices ended for these reasons. */
export function outcomeOf(reasons: Iterable<FinishReason>): Outcome {
  let outcome: Outcome = "completed";
  for (const reason of reasons) {
    if (reason === "error" || reason === "malformed_tool_call") return "failed";
    if (reason === "content_filter") outcome = "content_filter";
    if ((reason === "length" || reason === "context_full") && outcome === "completed") outcome = "length";
  }
  return outcome;
}
