import { HeadraceError } from "../core/errors.ts";
import type { StreamEvent } from "../core/events.ts";
import { isTerminal } from "../core/events.ts";
import type { AppendResult } from "./stream-log.ts";

/** What an append is judged by. */
export interface WriterState {
  epoch: number;
  /** Number of entries, which is the next seq. */
  next: number;
  closed: boolean;
}

/** What to answer to an append, and how many of its events are there already; the rest is to be stored if `ok`. */
export function decideAppend(
  state: WriterState,
  epoch: number,
  seq: number,
  events: readonly StreamEvent[],
): { result: AppendResult; skip: number } {
  const { next } = state;
  if (epoch !== state.epoch) return { result: { status: "fenced", epoch: state.epoch }, skip: 0 };
  if (seq + events.length <= next) return { result: { status: "dup", next }, skip: 0 };
  if (state.closed) return { result: { status: "closed" }, skip: 0 };
  if (seq > next) return { result: { status: "gap", next }, skip: 0 };
  for (let index = 0; index < events.length - 1; index++) {
    if (isTerminal(events[index] as StreamEvent)) {
      throw new HeadraceError("internal", "an append goes on after its terminal event; send that as the last one");
    }
  }
  return { result: { status: "ok", next: seq + events.length }, skip: next - seq };
}

export function endsStream(events: readonly StreamEvent[]): boolean {
  const last = events[events.length - 1];
  return last !== undefined && isTerminal(last);
}

export function streamNotFound(streamId: string): HeadraceError {
  return new HeadraceError(
    "stream-not-found",
    `there is no stream ${streamId}; it was deleted, has expired or never was`,
  );
}

export function logClosed(): HeadraceError {
  return new HeadraceError("log-unavailable", "the log is closed; this process is shutting down, ask another one");
}
