import { HeadraceError } from "../../core/errors.ts";
import type { FinishReason, ProtocolName, StreamEvent, Usage } from "../../core/events.ts";
import { outcomeOf } from "../../core/events.ts";
import type { GenerateRequest } from "../../core/request.ts";
import type { Content, Manner } from "./content.ts";
import { contentOf } from "./content.ts";
import { type Habits, habitsOf } from "./habits.ts";
import { logprobsOf } from "./logprobs.ts";
import { firstTokenMs, models, simulatorModels, tokenGapMs } from "./models.ts";
import { SeededRandom } from "./random.ts";
import { countTokens, tokensOf, wordsOf } from "./tokens.ts";

/** An event, or something that goes wrong, and how long after the step before it. */
export type Step =
  | { waitMs: number; event: StreamEvent }
  /** With `repeats`, again and again for ever: nothing after it is reached. An infinite wait never ends. */
  | { waitMs: number; mishap: Mishap; repeats?: true };

/** What goes wrong on the wire at a moment of the answer. */
export type Mishap =
  | { type: "keep-alive" }
  | { type: "silence" }
  | { type: "duplicate"; times: number }
  | { type: "malformed"; extra: boolean }
  | { type: "reorder" }
  | { type: "end"; how: "cut" | "reset" | "eof" };

/** An answer in every detail before any of it is sent. Whatever is to go wrong with an answer is done to its plan. */
export interface Plan {
  /** What the answer's id is made of. */
  answerId: string;
  steps: readonly Step[];
}

export interface PlanOptions {
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Used by requests that have no seed of their own. */
  seed: string;
  manner?: Manner;
  /** Milliseconds before each token, instead of the model's own pace. */
  intervalMs?: number;
  /** Reasoning ends with a signature, also where that is no habit. */
  signed?: true;
  /** The protocol that the answer is asked for in; its habits are those of the vendors that speak it. */
  protocol?: ProtocolName;
}

/**
 * Plans an answer: the same request and seed, the same plan.
 *
 * @throws HeadraceError `model-not-found` - nothing of that name is simulated.
 */
export function planAnswer(request: GenerateRequest, options: PlanOptions): Plan {
  const { createdAt, seed, manner = {}, intervalMs } = options;
  const habits = habitsOf(options.protocol);
  const signed = options.signed ?? habits.signsReasoning ?? false;
  const { model: name, messages, maxOutputTokens = Number.POSITIVE_INFINITY } = request;
  const model = Object.hasOwn(models, name) ? models[name] : undefined;
  if (model === undefined) {
    const known = simulatorModels.join(", ");
    throw new HeadraceError("model-not-found", `the simulator has no model \`${name}\`; it has ${known}`, {
      param: "model",
    });
  }
  const random = new SeededRandom(JSON.stringify([name, messages, request.seed ?? seed]));
  const answerId = random.fork("id").id(24);
  const timing = random.fork("timing");
  const startsAt = intervalMs ?? firstTokenMs(model, timing);

  const timed: { at: number; event: StreamEvent }[] = [];
  const reasons: FinishReason[] = [];
  let outputTokens = 0;
  let reasoningTokens = 0;
  for (let choice = 0; choice < (request.choices ?? 1); choice++) {
    const spoken = speak(contentOf(request, choice, seed, manner), request, {
      choice,
      signed,
      byWord: manner.words !== undefined,
      maxOutputTokens,
      random: random.fork(choice),
    });
    let at = startsAt;
    spoken.events.forEach((event, index) => {
      // A call's announcement comes with its first arguments, the finish with the last token.
      const isToken = event.type.endsWith("-delta");
      if (index > 0 && isToken) at += intervalMs ?? tokenGapMs(model, timing);
      timed.push({ at, event });
    });
    reasons.push(spoken.reason);
    outputTokens += spoken.tokens;
    reasoningTokens += spoken.reasoningTokens;
  }
  // Sorting keeps the order of equals, so every choice stays in its own order.
  timed.sort((one, other) => one.at - other.at);

  const usage = { inputTokens: countInput(request), outputTokens, ...(reasoningTokens > 0 && { reasoningTokens }) };
  const endsAt = timed.at(-1)?.at ?? startsAt;
  const all: typeof timed = [
    {
      at: 0,
      event: { type: "stream-start", streamId: answerId, format: 1, protocol: "openai-chat", model: name, createdAt },
    },
    ...openingOf(request, usage, habits).map((event) => ({ at: startsAt, event })),
    ...timed,
    { at: endsAt, event: { type: "usage", usage } },
    { at: endsAt, event: { type: "stream-end", outcome: outcomeOf(reasons) } },
  ];
  return { answerId, steps: all.map(({ at, event }, index) => ({ waitMs: at - (all[index - 1]?.at ?? 0), event })) };
}

/** How an answer begins; some vendors have counted the prompt by then. */
function openingOf(
  { model }: GenerateRequest,
  { inputTokens }: Usage,
  { speaks, countsInputFirst }: Habits,
): StreamEvent[] {
  const start = { type: "attempt-start", provider: "simulator", model, ...(speaks && { protocol: speaks }) } as const;
  if (countsInputFirst !== true) return [start];
  return [
    { ...start, more: true },
    { type: "usage", usage: { inputTokens, outputTokens: 1 } },
  ];
}

interface Spoken {
  events: StreamEvent[];
  reason: FinishReason;
  tokens: number;
  reasoningTokens: number;
}

interface SpeakOptions {
  choice: number;
  signed: boolean;
  /** The text is said word by word rather than token by token. */
  byWord: boolean;
  maxOutputTokens: number;
  random: SeededRandom;
}

/** Cuts a choice into tokens, as many as are allowed. */
function speak(
  { reasoning, text, calls }: Content,
  request: GenerateRequest,
  { choice, signed, byWord, maxOutputTokens, random }: SpeakOptions,
): Spoken {
  const events: StreamEvent[] = [];
  let tokens = 0;
  let isCut = false;
  const say = (pieces: readonly string[], makeEvent: (piece: string) => StreamEvent) => {
    for (const piece of pieces) {
      isCut ||= tokens >= maxOutputTokens;
      if (isCut) return;
      tokens++;
      events.push(makeEvent(piece));
    }
  };

  // Signed thoughts that nobody wants to see are thought all the same.
  if (signed && request.reasoningSummary === "none") tokens += countTokens(reasoning);
  else say(tokensOf(reasoning), (piece) => ({ type: "reasoning-delta", choice, text: piece }));
  const reasoningTokens = tokens;
  if (signed && tokens > 0 && !isCut) {
    events.push({ type: "reasoning-signature", choice, signature: random.fork("signature").id(64) });
  }
  const { kept, stopSequence } = beforeStop(text, request.stop ?? []);
  say(byWord ? wordsOf(kept) : tokensOf(kept), (piece) => ({
    type: "text-delta",
    choice,
    text: piece,
    ...(request.logprobs === true && { logprobs: logprobsOf(piece, request.topLogprobs ?? 0, random) }),
  }));
  for (const [call, { argumentsText, ...announcement }] of calls.entries()) {
    isCut ||= tokens >= maxOutputTokens;
    if (isCut) break;
    events.push({ type: "tool-call-start", choice, call, ...announcement });
    say(tokensOf(argumentsText), (piece) => ({ type: "tool-call-delta", choice, call, argumentsText: piece }));
  }

  const wholeReason = calls.length > 0 ? "tool_calls" : kept.length < text.length ? "stop_sequence" : "stop";
  const reason = isCut ? "length" : wholeReason;
  const stoppedBy = reason === "stop_sequence" && stopSequence !== undefined ? { stopSequence } : {};
  events.push({ type: "finish", choice, reason, ...stoppedBy });
  return { events, reason, tokens, reasoningTokens };
}

/** The text up to the first stop string, and which it is. */
function beforeStop(text: string, stops: readonly string[]): { kept: string; stopSequence?: string } {
  let first: { kept: string; stopSequence?: string } = { kept: text };
  for (const stopSequence of stops) {
    const index = stopSequence === "" ? -1 : text.indexOf(stopSequence);
    if (index >= 0 && index < first.kept.length) first = { kept: text.slice(0, index), stopSequence };
  }
  return first;
}

// As OpenAI counts: some tokens frame each message, and some begin the answer.
const tokensPerMessage = 4;
const tokensPerAnswer = 3;
const tokensPerMedia = 85;

function countInput({ messages, tools = [], responseFormat }: GenerateRequest): number {
  let count = tokensPerAnswer;
  for (const { content } of messages) {
    count += tokensPerMessage;
    for (const part of content) {
      if (part.type === "text" || part.type === "reasoning" || part.type === "refusal") count += countTokens(part.text);
      else if (part.type === "tool-call") count += countTokens(part.name) + countTokens(part.argumentsText);
      else if (part.type === "tool-result") count += countTokens(JSON.stringify(part.content));
      else count += tokensPerMedia;
    }
  }
  for (const { name, description, parameters } of tools)
    count += countTokens(JSON.stringify([name, description, parameters]));
  return responseFormat?.type === "json-schema" ? count + countTokens(JSON.stringify(responseFormat.schema)) : count;
}
