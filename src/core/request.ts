import type { ChatReference, ProtocolName } from "./events.ts";
import type { JsonObject } from "./json.ts";

export type Role = "system" | "developer" | "user" | "assistant" | "tool";

/** Where an image, a sound or a document is: behind a URL, at the provider, or here as base64. */
export type MediaSource =
  | { kind: "url"; url: string }
  | { kind: "base64"; mediaType: string; data: string }
  | { kind: "file-id"; fileId: string };

/** The prompt up to and with the part that carries it is worth keeping for the next request. */
export interface CacheHint {
  /** How long, as vendors write it: `5m`, `1h`. */
  ttl?: string;
}

interface Cacheable {
  cache?: CacheHint;
}

/** A piece of a message, in the order it was written. */
export type Part =
  | ({ type: "text"; text: string } & Cacheable)
  | ({ type: "image"; source: MediaSource; detail?: string } & Cacheable)
  | { type: "audio"; source: MediaSource }
  | ({ type: "file"; source: MediaSource; name?: string } & Cacheable)
  /** `from` says who signed it; nobody else can read the signature. `redacted`: the signature is all there is. */
  | { type: "reasoning"; text: string; signature?: string; from?: ProtocolName; redacted?: true }
  | { type: "refusal"; text: string }
  | { type: "tool-call"; callId: string; name: string; argumentsText: string; kind: "function" | "custom" }
  | ({ type: "tool-result"; callId: string; name?: string; content: Part[]; isError?: boolean } & Cacheable)
  /** Something that only the protocol it came from can say; it cannot be translated. */
  | { type: "untranslatable"; what: string };

export interface Message {
  role: Role;
  content: Part[];
  name?: string;
}

export interface ToolDefinition {
  kind: "function" | "custom";
  name: string;
  description?: string;
  /** JSON Schema of the arguments; `custom` tools have none. */
  parameters?: JsonObject;
  strict?: boolean;
  cache?: CacheHint;
}

export type ToolChoice = "auto" | "none" | "required" | { name: string };

export type ResponseFormat =
  | { type: "text" }
  | { type: "json" }
  | { type: "json-schema"; name: string; schema: JsonObject; strict?: boolean; description?: string };

/** What is asked of a model, in nobody's wire format. */
export interface GenerateRequest {
  model: string;
  messages: readonly Message[];
  tools?: readonly ToolDefinition[];
  toolChoice?: ToolChoice;
  parallelToolCalls?: boolean;
  /** Includes reasoning tokens. */
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
  stop?: readonly string[];
  seed?: number;
  /** The last message is the beginning of the answer, to be gone on with; how the vendor wants to be told. */
  prefill?: "trailing-assistant" | "continue-final-message" | { field: "prefix" | "partial" };
  /** How many answers; left out it is 1. */
  choices?: number;
  logprobs?: boolean;
  topLogprobs?: number;
  responseFormat?: ResponseFormat;
  /** `none`, `minimal`, `low`, `medium`, `high`, ... as models name them. */
  reasoningEffort?: string;
  /** Most tokens to think with, for vendors that count rather than name. 0 turns reasoning off. */
  reasoningBudgetTokens?: number;
  /** Whether a readable summary of the reasoning is wanted, and which: `auto`, `concise`, `detailed`, `none`. */
  reasoningSummary?: string;
  /** `low`, `medium`, `high`. */
  verbosity?: string;
  /** `auto`, `default`, `flex`, `priority`, ... as vendors name them. */
  serviceTier?: string;
  /** Requests with the same key share a prompt cache. */
  cacheKey?: string;
  /** Who asks, as an opaque id for the vendor's abuse checks. */
  endUser?: string;
  metadata?: Readonly<Record<string, string>>;
  /** Names of what only a provider of the same protocol can be told; for any other it is left out, with a warning. */
  untranslatable?: readonly string[];
  /** Whether the caller's protocol asked for usage; providers are always asked. */
  wantsUsage?: boolean;
  /** The conversation that this goes on with, where the caller named it. Providers are not told. */
  chat?: ChatReference;
  /** Whether the caller reads the answer as a stream; providers always stream. */
  wantsStream?: boolean;
  /** About how many tokens it has, where that is not to be told by its messages. */
  estimatedInputTokens?: number;
  /**
   * What was really sent. A provider of the same protocol is sent the same body again, so nothing is lost; fields
   * that were changed on the way (compared by identity with `read`) are written anew.
   */
  original?: {
    protocol: ProtocolName;
    body: JsonObject;
    read: GenerateRequest;
    /** Headers of the protocol that came with it (`Protocol.forwardedHeaders`), names in lower case. */
    headers?: Readonly<Record<string, string>>;
  };
}

/** The last user text: what a plain generator model answers to. Empty when there is none. */
export function promptOf(request: GenerateRequest): string {
  const message = request.messages.findLast(({ role }) => role === "user");
  return message === undefined ? "" : textOf(message.content);
}

export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** A request for a single prompt, as `/stream`, `/generate` and the command line make it. */
export function promptRequest(model: string, prompt: string, system?: string): GenerateRequest {
  const messages: Message[] = [{ role: "user", content: [{ type: "text", text: prompt }] }];
  if (system !== undefined) messages.unshift({ role: "system", content: [{ type: "text", text: system }] });
  return { model, messages };
}
