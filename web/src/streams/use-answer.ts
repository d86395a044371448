import { useEffect, useState } from "react";

import { useGateway } from "../gateway/gateway.ts";
import { addEvent, type AnswerView, emptyAnswer, failAnswer } from "../playground/answer.ts";
import { useStore } from "../store.ts";

/** A stream's answer, followed while it grows. A new object for each change, at most ten a second. Undefined follows none. */
export function useAnswer(streamId: string | undefined): AnswerView {
  const gateway = useGateway();
  const key = useStore(gateway.key);
  const [answer, setAnswer] = useState(() => emptyAnswer("", performance.now()));
  useEffect(() => {
    if (streamId === undefined) return;
    const leaving = new AbortController();
    const view = emptyAnswer("", performance.now());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      if (!leaving.signal.aborted) setAnswer({ ...view });
    };
    const read = async () => {
      try {
        const { events } = gateway.client().follow(streamId, { signal: leaving.signal });
        for await (const event of events) {
          addEvent(view, event, performance.now());
          timer ??= setTimeout(show, 100);
        }
      } catch (error) {
        // An answer that ended badly has said so with its last event.
        const message = error instanceof Error ? error.message : String(error);
        if (view.outcome === undefined) failAnswer(view, message, performance.now());
      }
      show();
    };
    void read();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
    // Another key may see it.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [gateway, streamId, key]);
  return answer;
}
