import { onTestFinished } from "vitest";

import type { Observation } from "../../src/core/observer.ts";
import type { ConfigInput, Headrace } from "../../src/index.ts";
import { createHeadrace } from "../../src/index.ts";
import type { VirtualClock } from "../../src/testing.ts";
import { createVirtualClock } from "../../src/testing.ts";

type Provider = NonNullable<ConfigInput["providers"]>[string];
type UserModels = NonNullable<ConfigInput["models"]>;

export interface BehindCall {
  method: string;
  path: string;
  at: number;
}

export interface TwoGatewaysOptions {
  /** How the gateway in front calls the one behind, whose model `poet` it has as `behind/poet`. */
  provider: "headrace" | "background";
  poet: UserModels[string];
  /** Frames of the body until the connection is cut, by the number of the call; whole when undefined. */
  cutAfter?: (call: number) => number | undefined;
  /** Frames until the connection says nothing more, though it stays open. */
  silentAfter?: (call: number) => number | undefined;
  /** Told when a call is aborted. */
  onAbort?: (call: number, at: number) => void;
  /** Answers in place of the gateway behind. */
  instead?: (call: { method: string; url: string; clock: VirtualClock }) => Promise<Response> | string | undefined;
  config?: ConfigInput;
}

/** Jitter is always in the middle, ids are counted. */
function countingRandomness() {
  let count = 0;
  return { number: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(count++ % 248) };
}

const behindUrl = "http://127.0.0.1:8484";
const providers: Record<TwoGatewaysOptions["provider"], Provider> = {
  headrace: { vendor: "headrace", baseUrl: behindUrl, apiKey: "secret" },
  background: { vendor: "openai-responses", baseUrl: `${behindUrl}/v1`, apiKey: "secret", background: true },
};

/** One Headrace in front of another, on one virtual clock, and a connection in between that breaks when it is told to. */
export async function openTwoGateways({ provider, poet, config, ...on }: TwoGatewaysOptions) {
  const clock = createVirtualClock();
  const calls: BehindCall[] = [];
  const observed: Observation[] = [];
  const behind = await createHeadrace(
    { log: { store: "memory" }, models: { poet }, access: { keys: [{ name: "front", key: "secret" }] } },
    { clock, environment: {}, randomness: countingRandomness(), report: () => {} },
  );
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const number = calls.length;
    const method = init.method ?? "GET";
    init.signal?.addEventListener("abort", () => on.onAbort?.(number, clock.elapsed()), { once: true });
    calls.push({ method, path: url.slice(behindUrl.length), at: clock.elapsed() });
    const other = on.instead?.({ method, url, clock });
    if (other !== undefined && typeof other !== "string") return other;
    const response = await behind.fetch(new Request(other ?? url, init));
    const silentAfter = on.silentAfter?.(number);
    const frames = silentAfter ?? on.cutAfter?.(number);
    return frames === undefined || response.body === null ? response : cut(response, frames, silentAfter !== undefined);
  };
  const front = await createHeadrace(
    { log: { store: "memory" }, providers: { behind: providers[provider] }, ...config },
    {
      clock,
      fetch,
      environment: {},
      randomness: countingRandomness(),
      observe: (observation) => observed.push(observation),
      report: () => {},
    },
  );
  onTestFinished(async () => {
    await front.close();
    await behind.close();
  });
  return { clock, calls, observed, front, behind };
}

/** The body up to the middle of a frame, and then a broken connection, or silence. */
function cut(response: Response, frames: number, isSilent: boolean): Response {
  const encoder = new TextEncoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  let isOver = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Only now: an error takes what was not read yet with it.
      if (isOver && isSilent) await new Promise(() => {});
      if (isOver) return controller.error(new Error("ECONNRESET"));
      const { value, done } = await reader.read();
      if (done) return controller.close();
      text += decoder.decode(value, { stream: true });
      const whole = text.split("\n\n");
      if (whole.length <= frames + 1) return controller.enqueue(value);
      const sent = text.length - decoder.decode(value).length;
      const kept = whole.slice(0, frames).join("\n\n").length + (frames > 0 ? 2 : 0);
      controller.enqueue(encoder.encode(text.slice(sent, kept + 9)));
      isOver = true;
      await reader.cancel();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

export interface Received {
  status: number;
  text: string;
  /** Of the `events` protocol. */
  events: Record<string, unknown>[];
  tookMs: number;
}

/** Asks the gateway in front, moving time on until the answer has ended. */
export async function askFront(
  { front, clock }: { front: Headrace; clock: VirtualClock },
  path: string,
  body: object,
): Promise<Received> {
  const startedAt = clock.elapsed();
  const request = new Request(`${behindUrl}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  let isOver = false;
  const answer = (async () => {
    const response = await front.fetch(request);
    return { status: response.status, text: await response.text() };
  })().finally(() => (isOver = true));
  answer.catch(() => {});
  while (!isOver && clock.elapsed() - startedAt < 600_000) await clock.advance(10);
  const { status, text } = await answer;
  const events =
    path !== "/v1/streams" ? [] : [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ""));
  return { status, text, events, tookMs: clock.elapsed() - startedAt };
}
