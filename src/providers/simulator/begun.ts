import type { Message } from "../../core/request.ts";
import { textOf } from "../../core/request.ts";

/** An answer that is to be gone on with. */
export interface Begun {
  /** The conversation that the answer is to. */
  messages: readonly Message[];
  /** What has been said of it; undefined when only its last words are known. */
  said: string | undefined;
  /** Last words that are to be repeated before going on; empty when nothing is. */
  echo: string;
}

/**
 * Finds out whether a conversation wants its answer continued.
 *
 * Either its last message is the assistant's: that is the answer so far. Or its last message is the user's, quotes the last
 * words of the answer between `<tail>` and `</tail>` or within the last pair of triple backticks, and what the assistant
 * said before ends in them, or the message says to continue.
 */
export function findBegun(messages: readonly Message[]): Begun | undefined {
  const last = messages.at(-1);
  if (last?.role === "assistant") {
    const said = spokenText(last);
    return said === "" ? undefined : { messages: messages.slice(0, -1), said, echo: "" };
  }
  if (last?.role !== "user") return undefined;
  const request = textOf(last.content);
  const echo = quotedTail(request);
  if (echo === undefined || echo.trim() === "") return undefined;
  const before = messages.at(-2);
  if (before?.role === "assistant") {
    const said = spokenText(before);
    const at = said.lastIndexOf(echo);
    const isItsEnd = at >= 0 && said.slice(at + echo.length).trim() === "";
    return isItsEnd ? { messages: messages.slice(0, -2), said: said.slice(0, at + echo.length), echo } : undefined;
  }
  const wantsMore = /\b(continu|go on|carry on|resume)/i.test(request);
  return wantsMore && messages.length > 1 ? { messages: messages.slice(0, -1), said: undefined, echo } : undefined;
}

/** The text of a message; empty when it calls tools, since nothing goes on behind a call. */
function spokenText({ content }: Message): string {
  return content.some(({ type }) => type === "tool-call") ? "" : textOf(content);
}

function quotedTail(text: string): string | undefined {
  const close = text.lastIndexOf("</tail>");
  const open = text.lastIndexOf("<tail>", close);
  if (close > open && open >= 0) return unwrapped(text.slice(open + "<tail>".length, close));
  // A fence may have more than three backticks, so that the words may have three.
  const fences = [...text.matchAll(/`{3,}/g)];
  const end = fences.at(-1);
  const start = fences.findLast(
    ({ index }, at) => at < fences.length - 1 && fences[at]?.[0] === end?.[0] && index >= 0,
  );
  if (end === undefined || start === undefined) return undefined;
  return unwrapped(text.slice(start.index + start[0].length, end.index));
}

/** Without the line breaks that set the words apart from their marks. */
function unwrapped(text: string): string {
  return text.replace(/^\r?\n/, "").replace(/\r?\n$/, "");
}
