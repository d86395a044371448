import type { AnswerStream } from "../core/answer-stream.ts";
import { createAnswerStream } from "../core/answer-stream.ts";
import type { StreamEvent } from "../core/events.ts";
import type { GenerateRequest } from "../core/request.ts";
import { promptRequest } from "../core/request.ts";
import type { Clock } from "../core/time.ts";
import type { Overrides, Router } from "../routing/router.ts";
import type { Streams } from "../streams/streams.ts";

/** What the library asks a model; `fallbacks`, `hedge` and `recovery` override the route. */
export type StreamRequest = { signal?: AbortSignal; model?: string } & Overrides &
  ({ prompt: string; system?: string } | Omit<GenerateRequest, "model" | "original">);

interface StartParts {
  streams: Streams;
  router: Router;
  clock: Clock;
}

/** Starts a stream and reads it while it grows. */
export function startStream(request: StreamRequest, { streams, router, clock }: StartParts): AnswerStream {
  const reading = new AbortController();
  request.signal?.addEventListener("abort", () => reading.abort(request.signal?.reason), { once: true });
  const started = start();

  async function start(): Promise<string> {
    const { signal: _signal, fallbacks, hedge, recovery, ...asked } = request;
    const { model, source, onDisconnect = "continue" } = router.resolve(asked.model, { fallbacks, hedge, recovery });
    const neutral = "prompt" in asked ? promptRequest(model, asked.prompt, asked.system) : { ...asked, model };
    const { id } = await streams.start({ source, request: neutral, protocol: "events", owner: "", onDisconnect });
    return id;
  }
  async function* events(): AsyncGenerator<StreamEvent> {
    const streamId = await started;
    const release = streams.retain(streamId);
    try {
      for await (const entries of streams.follow(streamId, { signal: reading.signal })) {
        for (const { event } of entries) yield event;
      }
    } finally {
      release();
    }
  }
  return createAnswerStream(events(), { clock, id: started, stop: async () => streams.stop(await started) });
}
