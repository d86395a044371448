import { createSseReader } from "../../../src/protocols/sse.ts";
import type { TraceSummary } from "../../../src/records/trace.ts";
import type { Gateway } from "../gateway/gateway.ts";

const pauseMs = 2_000;

/** Tells of streams that begin, change and end, until `signal` aborts. An EventSource could not send the key. */
export async function followLive(
  gateway: Gateway,
  onStream: (stream: TraceSummary) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await gateway.fetch("/admin/live", { signal });
      const reader = response.ok ? response.body?.getReader() : undefined;
      const frames = createSseReader();
      while (reader !== undefined) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const { event, data } of frames.push(value)) {
          if (event === "stream") onStream(JSON.parse(data) as TraceSummary);
        }
      }
    } catch {
      // The connection broke: the next one begins with what is open now.
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
