import { createSseReader } from "../../../src/protocols/sse.ts";
import type { TraceSummary } from "../../../src/records/trace.ts";
import type { Gateway } from "../gateway/gateway.ts";

const pauseMs = 2_000;

export interface FollowLiveOptions {
  onStream: (stream: TraceSummary) => void;
  /** From now on nothing is missed; what happened before was not told. Also once when there is no connection at first. */
  onConnect: () => void;
  signal: AbortSignal;
}

/** Tells of streams that begin, change and end, until `signal` aborts. An EventSource could not send the key. */
export async function followLive(gateway: Gateway, { onStream, onConnect, signal }: FollowLiveOptions): Promise<void> {
  let isFirst = true;
  while (!signal.aborted) {
    // A connection that fails or breaks is followed by another one.
    const response = await gateway.fetch("/admin/live", { signal }).catch(() => undefined);
    if (isFirst || response?.ok === true) onConnect();
    isFirst = false;
    if (response?.ok === true) await readStreams(response, onStream).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function readStreams({ body }: Response, onStream: (stream: TraceSummary) => void): Promise<void> {
  const reader = body?.getReader();
  const frames = createSseReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const { event, data } of frames.push(value)) {
      if (event === "stream") onStream(JSON.parse(data) as TraceSummary);
    }
  }
}
