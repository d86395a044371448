import type { ServerResponse } from "node:http";

import { expect } from "vitest";

import type { Trace, TracePage, TraceSummary } from "../../src/records/trace.ts";
import { eventually } from "./gateway.ts";

/** An answer with one embedding. */
export const vectors = (usage?: object) =>
  JSON.stringify({
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
    model: "text-embedding-3-small",
    ...(usage !== undefined && { usage }),
  });
export const counted = { prompt_tokens: 1_000, total_tokens: 1_000 };

export async function read<Body>(url: string, headers: Record<string, string> = {}): Promise<Body> {
  const response = await fetch(url, { headers });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Body;
}

/** The newest records, as JSON. */
export const list = async (url: string, query = ""): Promise<TraceSummary[]> =>
  (await read<TracePage>(`${url}/admin/streams${query}`)).data;

/** The trace of the only call there was, once it is closed. */
export async function onlyTrace(url: string): Promise<Trace> {
  let found: TraceSummary[] = [];
  await eventually(async () => {
    found = await list(url);
    return found.length > 0 && found.every(({ state }) => state === "closed");
  }, "the end of the call");
  expect(found).toHaveLength(1);
  return read<Trace>(`${url}/v1/streams/${found[0]?.id}/trace`);
}

/** A chunk of a legacy completion. */
export const chunk = (text: string, more: object = {}) =>
  `data: ${JSON.stringify({ id: "c", object: "text_completion", choices: [{ index: 0, text, finish_reason: null, ...more }] })}\n\n`;
/** What comes last when usage was asked for. */
export const lastChunk = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}\n\n`;

export function answerInChunks(response: ServerResponse, frames: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end([...frames, "data: [DONE]\n\n"].join(""));
}

/** Until nothing is open any more. */
export async function untilAllEnded(url: string): Promise<void> {
  await eventually(async () => (await list(url, "?state=open")).length === 0, "the end of all calls");
}
