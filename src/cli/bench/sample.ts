import { HeadraceError, type HeadraceClient } from "../../client/client.ts";
import { isJsonObject } from "../../core/json.ts";
import { systemClock } from "../../outside.ts";
import type { ConnectedClient } from "../connect.ts";

export type Mode = "streaming" | "blocking";

export interface Question {
  model: string;
  prompt: string;
  maxTokens: number;
  /** Which of the requests to this model it is, from 0. */
  index: number;
}

/** One answer, or why there is none. */
export interface Sample {
  /** Until a person sees something, in milliseconds. */
  seenMs: number;
  totalMs: number;
  inputTokens?: number;
  outputTokens?: number;
  /** After the first token. */
  tokensPerSecond?: number;
  /** Who answered, as far as that is told. */
  servedBy?: { provider: string; model: string };
  error?: { code: string; message: string };
}

/** Asks once and measures. Undefined when it was interrupted: half an answer says nothing. */
export async function takeSample(
  { client, fetch }: Pick<ConnectedClient, "client" | "fetch">,
  mode: Mode,
  question: Question,
  signal: AbortSignal,
): Promise<Sample | undefined> {
  if (signal.aborted) return undefined;
  const startedAt = systemClock.elapsed();
  try {
    if (mode === "streaming") return await stream(client, question, signal);
    // An engine in this process finishes what it was asked; nobody waits for that here.
    return await Promise.race([block(fetch, question, signal), whenAborted(signal)]);
  } catch (error) {
    if (signal.aborted) return undefined;
    const ms = systemClock.elapsed() - startedAt;
    const code = error instanceof HeadraceError ? error.code : "internal";
    return {
      seenMs: ms,
      totalMs: ms,
      error: { code, message: error instanceof Error ? error.message : String(error) },
    };
  }
}

async function stream(client: HeadraceClient, question: Question, signal: AbortSignal): Promise<Sample | undefined> {
  const answer = client.stream({ ...bodyOf(question), prompt: question.prompt });
  const stop = () => void answer.stop().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { outcome, usage, durationMs, timeToFirstTokenMs = durationMs, tokensPerSecond } = await answer.final;
    if (outcome === "cancelled") return undefined;
    const servedBy = await servedIn(answer.events);
    return {
      seenMs: timeToFirstTokenMs,
      totalMs: durationMs,
      ...(usage !== undefined && { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }),
      ...(tokensPerSecond !== undefined && { tokensPerSecond }),
      ...(servedBy !== undefined && { servedBy }),
    };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function servedIn(events: ReturnType<HeadraceClient["stream"]>["events"]): Promise<Sample["servedBy"]> {
  for await (const event of events) {
    if (event.type === "attempt-start") return { provider: event.provider, model: event.model };
  }
  return undefined;
}

async function block(fetch: ConnectedClient["fetch"], question: Question, signal: AbortSignal): Promise<Sample> {
  const startedAt = systemClock.elapsed();
  const messages = [{ role: "user", content: question.prompt }];
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...bodyOf(question), messages }),
    signal,
  });
  const body: unknown = await response.json();
  const totalMs = systemClock.elapsed() - startedAt;
  if (!isJsonObject(body)) throw new HeadraceError("internal", "the answer is no JSON object");
  if (!response.ok) throw failureIn(body["error"], response.status);
  const usage = isJsonObject(body["usage"]) ? body["usage"] : {};
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  return {
    seenMs: totalMs,
    totalMs,
    ...(typeof inputTokens === "number" && { inputTokens }),
    ...(typeof outputTokens === "number" && { outputTokens }),
  };
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

function failureIn(error: unknown, status: number): HeadraceError {
  const message = isJsonObject(error) && typeof error["message"] === "string" ? error["message"] : `HTTP ${status}`;
  return new HeadraceError(status === 404 ? "model-not-found" : "provider-error", message);
}

function bodyOf({ model, maxTokens, index }: Question) {
  // The simulator is as quick with the same question each time; another seed is another draw.
  const seed = model.startsWith("sim/") ? { seed: index + 1 } : {};
  return { model, max_completion_tokens: maxTokens, ...seed };
}
