import type { StreamEvent } from "../core/events.ts";
import type { RepeatedFrame } from "./repeated-frame.ts";
import { repeatedFrame } from "./repeated-frame.ts";

/** Undefined when the chunk had more to say than one string, or where the string is cannot be told for sure. */
export function repeatedChunk(data: string, event: StreamEvent): RepeatedFrame | undefined {
  // With `extra` the skeleton has just changed; the next one may show whether it stays.
  if ("extra" in event) return undefined;
  const place = placeOf(event);
  if (place === undefined) return undefined;
  for (const key of place.keys) {
    const found = repeatedFrame(data, { key, text: place.text, withText: place.withText });
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Place {
  keys: readonly string[];
  text: string;
  withText(text: string): StreamEvent;
}

function placeOf(event: StreamEvent): Place | undefined {
  switch (event.type) {
    case "text-delta": {
      if (event.logprobs !== undefined) return undefined;
      const { choice } = event;
      const withText =
        choice === undefined
          ? (text: string): StreamEvent => ({ type: "text-delta", text })
          : (text: string): StreamEvent => ({ type: "text-delta", choice, text });
      return { keys: ["content"], text: event.text, withText };
    }
    case "reasoning-delta": {
      const { choice } = event;
      const withText =
        choice === undefined
          ? (text: string): StreamEvent => ({ type: "reasoning-delta", text })
          : (text: string): StreamEvent => ({ type: "reasoning-delta", choice, text });
      return { keys: ["reasoning_content", "reasoning"], text: event.text, withText };
    }
    case "tool-call-delta": {
      const { argumentsText: _, ...rest } = event;
      return { keys: ["arguments"], text: event.argumentsText, withText: (text) => ({ ...rest, argumentsText: text }) };
    }
    default:
      return undefined;
  }
}
