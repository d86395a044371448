import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { streamIdOf } from "../protocols/openai-responses-response.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";

const batchSize = 256;

/** A response that can be asked for again. */
export interface StoredResponse {
  streamId: string;
  /** What was asked, the conversation before it included. */
  request: JsonObject;
}

/**
 * Finds a response of the caller's.
 *
 * @param param - the field that names it, when it is one of a body.
 * @throws HeadraceError `stream-not-found` - it is unknown, was deleted, was not to be stored, or is somebody else's.
 */
export async function findResponse(
  c: GatewayContext,
  { streams, log }: AppOptions,
  responseId: string,
  param?: string,
): Promise<StoredResponse> {
  const missing = new HeadraceError("stream-not-found", `Response with id '${responseId.slice(0, 100)}' not found.`, {
    ...(param !== undefined && { param }),
  });
  const streamId = streamIdOf(responseId);
  if (streamId === undefined) throw missing;
  try {
    await streams.info(streamId, c.var.owner);
  } catch (error) {
    throw error instanceof HeadraceError && error.code === "stream-not-found" ? missing : error;
  }
  const [header] = await log.read(streamId, { after: -1, limit: 1 });
  const request = header?.event.type === "stream-start" ? header.event.request : undefined;
  if (request === undefined) throw missing;
  return { streamId, request };
}

/** The response object as it is by now. */
export async function readResponse({ log, protocols }: AppOptions, streamId: string): Promise<JsonObject> {
  const writer = protocols["openai-responses"].createAnswerWriter?.({ streamId });
  // A stream that was started a moment ago may not have its header yet.
  await log.waitForEntryAfter(streamId, -1, new AbortController().signal);
  let seq = -1;
  let length: number;
  do {
    const entries = await log.read(streamId, { after: seq, limit: batchSize });
    for (const { event } of entries) writer?.add(event);
    length = entries.length;
    seq = entries.at(-1)?.seq ?? seq;
  } while (length === batchSize);
  return writer?.body() ?? {};
}

/** The items of an input, which may be a plain text. */
export function inputItems(input: Json | undefined): Json[] {
  if (Array.isArray(input)) return input;
  return typeof input === "string" ? [{ type: "message", role: "user", content: input }] : [];
}
