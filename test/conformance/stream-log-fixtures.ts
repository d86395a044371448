import type { StreamEvent } from "../../src/core/events.ts";
import type { LogEntry, NewStream, StreamLog } from "../../src/log/stream-log.ts";

export interface OpenedLog {
  log: StreamLog;
  /** Closes the log and opens what it stored again; left out by logs that store nothing. */
  reopen?: () => Promise<StreamLog>;
  dispose(): Promise<void>;
}

/** What the clock of the logs under test says. */
export const closingTime = 5_000;

export function text(content: string): StreamEvent {
  return { type: "text-delta", text: content };
}

export const end: StreamEvent = { type: "stream-end", outcome: "completed" };

export function newStream(id: string, more: Partial<NewStream> = {}): NewStream {
  return { id, owner: "ann", protocol: "openai-chat", model: "sim/gpt-4o", createdAt: 1_000, ...more };
}

export async function readAll(log: StreamLog, id: string): Promise<LogEntry[]> {
  return log.read(id, { after: -1, limit: 100_000 });
}

/** The texts of a stream's entries; of other events the type. */
export async function readTexts(log: StreamLog, id: string): Promise<string[]> {
  const entries = await readAll(log, id);
  return entries.map(({ event }) => (event.type === "text-delta" ? event.text : event.type));
}

/** Lets everything happen that a log does by itself in the next turns of the event loop. */
export async function pause(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve));
  }
}
