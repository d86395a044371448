import type { ReasoningDelta, TextDelta } from "../core/events.ts";
import { findString, parseString } from "./repeated-frame.ts";

/** Reads lines that differ from an earlier one in their time and one text only, without parsing them as JSON. */
export interface RepeatedLine {
  /** Undefined for any other line. */
  read(line: string): RepeatedDelta | undefined;
}

export interface RepeatedDelta {
  type: "text-delta" | "reasoning-delta";
  text: string;
  at: string;
}

/** Undefined where the two strings of the line cannot be told for sure. */
export function repeatedLine(
  line: string,
  { type, text }: TextDelta | ReasoningDelta,
  { key, at }: { key: string; at: string },
): RepeatedLine | undefined {
  const time = findString(line, "created_at", at);
  const delta = findString(line, key, text);
  if (time === undefined || delta === undefined || time.prefix.length > delta.prefix.length) return undefined;
  const { prefix } = time;
  const middle = line.slice(line.length - time.suffix.length, delta.prefix.length);
  const { suffix } = delta;
  return {
    read(next) {
      const timeEnd = next.indexOf('"', prefix.length);
      const start = timeEnd + middle.length;
      const end = next.length - suffix.length;
      if (timeEnd === -1 || end <= start) return undefined;
      if (next.slice(0, prefix.length) !== prefix || next.slice(timeEnd, start) !== middle) return undefined;
      if (next.slice(end) !== suffix) return undefined;
      const nextTime = next.slice(prefix.length, timeEnd);
      const nextText = parseString(next.slice(start, end));
      if (nextText === undefined || nextTime.includes("\\")) return undefined;
      return { type, text: nextText, at: nextTime };
    },
  };
}
