import type { ToolCallDelta, ToolCallStart } from "../core/events.ts";
import { objectOfArguments } from "./tool-arguments.ts";

interface OpenCall {
  start: ToolCallStart;
  pieces: string[];
  /** How many pieces there were when they were no JSON yet. */
  tried: number;
}

/** Collects the arguments of tool calls, since Google has no calls in pieces. */
export class CanonicalCalls {
  /** By position; a call is taken out once it was written. */
  readonly #open = new Map<number, OpenCall>();

  /** Whether there are calls that were not written yet. */
  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  start(event: ToolCallStart): void {
    this.#open.set(event.call, { start: event, pieces: [], tried: 0 });
  }

  extend({ call, argumentsText }: ToolCallDelta): void {
    this.#open.get(call)?.pieces.push(argumentsText);
  }

  /**
   * Something else begins: the parts of the calls that are complete by now, in their order. Vendors may interleave
   * calls, so one that is no JSON stays until the end.
   *
   * @param isEnd - nothing more comes, so that also calls without arguments and free text are complete.
   */
  take(isEnd: boolean): string[] {
    const parts: string[] = [];
    for (const [position, call] of this.#open) {
      const { start, pieces } = call;
      if (!isEnd && (start.kind === "custom" || pieces.length === call.tried)) break;
      const args = objectOfArguments(start.kind, pieces.join(""));
      call.tried = pieces.length;
      if (args === undefined) break;
      this.#open.delete(position);
      const { callId, name } = start;
      parts.push(JSON.stringify({ functionCall: { id: callId, name, args } }));
    }
    return parts;
  }
}
