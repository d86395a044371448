import type { VirtualClock } from "../../src/testing.ts";

/** What one call of a fake provider does, in the order of the fields. */
export interface Behaviour {
  /** The connection breaks before any header. */
  resets?: true;
  /** Nothing at all for so long. */
  silentMs?: number;
  /** A refusal, with its body's `error` object. */
  status?: number;
  headers?: Record<string, string>;
  error?: Record<string, unknown>;
  /** Headers at once, the first word after so long. */
  firstWordMs?: number;
  /** A 400 when the conversation holds anything of the assistant's. */
  refusesPrefix?: true;
  /** Stops after this many words, in the way of `ending`. Default: all of them. */
  words?: number;
  ending?: "whole" | "no-finish" | "cut" | "hang" | "hang-after-finish" | "no-end-marker";
  /** Sends an event that is no JSON after this many words. */
  malformedAfter?: number;
}

export interface FakeCall {
  model: string;
  at: number;
  abortedAt?: number;
  body: Record<string, unknown>;
}

export const sixtyWords = Array.from({ length: 60 }, (_value, index) => `word${index + 1} `);
export const canonicalAnswer = sixtyWords.join("");
const msPerWord = 15;
const encoder = new TextEncoder();

/** An OpenAI-compatible provider as a `fetch`, on a virtual clock; each model behaves in its own way, call by call. */
export function createFakeProvider(
  clock: VirtualClock,
  models: Record<string, (call: number, atMs: number) => Behaviour>,
) {
  const calls: FakeCall[] = [];

  const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
    const body = JSON.parse(init.body as string) as { model: string };
    const signal = init.signal as AbortSignal;
    const number = calls.filter(({ model }) => model === body.model).length;
    const call: FakeCall = { model: body.model, at: clock.elapsed(), body };
    calls.push(call);
    signal.addEventListener("abort", () => (call.abortedAt = clock.elapsed()), { once: true });
    const behaviour = models[body.model]?.(number, clock.elapsed()) ?? { status: 404 };
    if (behaviour.resets) throw new TypeError("fetch failed", { cause: new Error("ECONNRESET") });
    if (behaviour.silentMs !== undefined) await clock.sleep(behaviour.silentMs, { signal });
    const { headers = {} } = behaviour;
    const messages = (body as { messages?: { role: string }[] }).messages ?? [];
    const isRefused = behaviour.refusesPrefix === true && messages.some(({ role }) => role === "assistant");
    const status = isRefused ? 400 : behaviour.status;
    if (status !== undefined) {
      const error = { message: "secret words of the provider", type: "error", ...behaviour.error };
      return Response.json({ error }, { status, headers });
    }
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void play(controller) });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });

    async function play(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
      const send = (data: string): void => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        await speak(send);
        if (behaviour.ending === "cut") controller.error(new Error("ECONNRESET"));
        else controller.close();
      } catch (error) {
        controller.error(error);
      }
    }

    async function speak(send: (data: string) => void): Promise<void> {
      const { firstWordMs = 0, words = sixtyWords.length, ending = "whole", malformedAfter } = behaviour;
      const chunk = (delta: object, finish: string | null = null): string =>
        JSON.stringify({
          id: "chatcmpl-1",
          object: "chat.completion.chunk",
          created: 1,
          model: `${body.model}-served`,
          choices: [{ index: 0, delta, finish_reason: finish }],
        });
      send(chunk({ role: "assistant", content: "" }));
      await clock.sleep(firstWordMs, { signal });
      for (const [index, word] of sixtyWords.slice(0, words).entries()) {
        if (index === malformedAfter) send('{"choices": [{');
        send(chunk({ content: word }));
        await clock.sleep(msPerWord, { signal });
      }
      if (ending === "cut" || ending === "no-finish") return;
      if (ending === "hang") await clock.sleep(1e9, { signal });
      send(chunk({}, "stop"));
      if (ending === "no-end-marker") return;
      if (ending === "hang-after-finish") await clock.sleep(1e9, { signal });
      send(JSON.stringify({ id: "chatcmpl-1", choices: [], usage: { prompt_tokens: 9, completion_tokens: 60 } }));
      send("[DONE]");
    }
  };

  return { fetch, calls, callsOf: (model: string) => calls.filter((call) => call.model === model) };
}
