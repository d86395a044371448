import type { ToolCallStart } from "../core/events.ts";

/** A tool call on its way into a block of its own. */
export interface WrittenCall {
  start: ToolCallStart;
  /** Arguments so far, written or not. */
  argumentsText: string;
}

/**
 * The tool calls of an answer, one at a time: blocks do not overlap, so a call that begins while another one's
 * arguments are still arriving waits for it.
 */
export class CallQueue {
  readonly #calls = new Map<number, WrittenCall>();
  #waiting: WrittenCall[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(start: ToolCallStart): WrittenCall {
    const call: WrittenCall = { start, argumentsText: "" };
    this.#calls.set(start.call, call);
    return call;
  }

  /** The call that more arguments belong to, these added to it. */
  extend(call: number, argumentsText: string): WrittenCall | undefined {
    const found = this.#calls.get(call);
    if (found !== undefined) found.argumentsText += argumentsText;
    return found;
  }

  wait(call: WrittenCall): void {
    this.#waiting.push(call);
  }

  next(): WrittenCall | undefined {
    return this.#waiting.shift();
  }
}

/** Whether nothing more can follow. Where that cannot be told, as with free text, calls come one after the other. */
export function isComplete({ start, argumentsText }: WrittenCall): boolean {
  if (start.kind === "custom") return true;
  if (!argumentsText.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(argumentsText);
    return true;
  } catch {
    return false;
  }
}

/** An id in the form that Anthropic accepts: the same one, or one that is made of it and of nothing else. */
export function toolUseId(callId: string): string {
  if (/^[a-zA-Z0-9_-]{1,256}$/.test(callId)) return callId;
  // FNV-1a, so that two ids that differ in what is replaced stay different.
  let hash = 0x811c9dc5;
  for (let index = 0; index < callId.length; index++) {
    hash = Math.imul(hash ^ callId.charCodeAt(index), 0x01000193) >>> 0;
  }
  return `${callId.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 200)}_${hash.toString(36)}`;
}
