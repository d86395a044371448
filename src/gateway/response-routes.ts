import { HeadraceError } from "../core/errors.ts";
import { isTerminal } from "../core/events.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { StreamLog } from "../log/stream-log.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Position } from "../streams/follow.ts";
import { beginning } from "../streams/follow.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";
import { respondWithStream } from "./respond.ts";
import { findResponse, inputItems, readResponse } from "./stored-response.ts";
import { purge } from "./stream-routes.ts";

/** `GET /v1/responses/{id}`: the response as it is by now; with `?stream=true` its events, those after `starting_after`. */
export function getResponse(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { streamId } = await findResponse(c, app, c.req.param("id") ?? "");
    if (c.req.query("stream") !== "true") return c.json(await readResponse(app, streamId));
    const { streams, log, clock, heartbeatMs, protocols } = app;
    const protocol = protocols["openai-responses"];
    const writeOptions = { streamId, includeUsage: true };
    const startingAfter = c.req.query("starting_after");
    const position =
      startingAfter === undefined ? beginning : await positionAfterNumber(log, protocol, streamId, startingAfter);
    return respondWithStream(c, { streams, clock, patienceMs: heartbeatMs, protocol, writeOptions, position });
  };
}

/** `POST /v1/responses/{id}/cancel`: stops it, and answers with what there is. Stopping what has ended changes nothing. */
export function cancelResponse(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { streamId } = await findResponse(c, app, c.req.param("id") ?? "");
    await app.streams.stop(streamId);
    return c.json(await readResponse(app, streamId));
  };
}

/** `DELETE /v1/responses/{id}`: nothing of it is kept. */
export function deleteResponse(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const id = c.req.param("id") ?? "";
    const { streamId } = await findResponse(c, app, id);
    await purge(app, streamId);
    return c.json({ id, object: "response", deleted: true });
  };
}

const maxItems = 100;

/** `GET /v1/responses/{id}/input_items`: what it was an answer to, the conversation before it included; newest first. */
export function listInputItems(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { streamId, request } = await findResponse(c, app, c.req.param("id") ?? "");
    const limit = Number(c.req.query("limit") ?? 20);
    if (!Number.isInteger(limit) || limit < 1 || limit > maxItems) {
      throw new HeadraceError("invalid-request", `limit is a whole number from 1 to ${maxItems}`, { param: "limit" });
    }
    const items = inputItems(request["input"]).map((item, index) => describeItem(item, streamId, index));
    if (c.req.query("order") !== "asc") items.reverse();
    const after = c.req.query("after");
    const first = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && first === 0) {
      throw new HeadraceError("invalid-request", "`after` names no item of this response", { param: "after" });
    }
    const data = items.slice(first, first + limit);
    return c.json({
      object: "list",
      data,
      first_id: data[0]?.["id"] ?? null,
      last_id: data.at(-1)?.["id"] ?? null,
      has_more: items.length > first + limit,
    });
  };
}

/** An item with everything that may be left out when it is sent. */
function describeItem(item: Json, streamId: string, index: number): JsonObject {
  const { id, type = "message", content, ...rest } = isJsonObject(item) ? item : {};
  const described: JsonObject = { id: id ?? `item_${streamId.slice(3)}_${index}`, type, ...rest };
  if (type === "message") described["status"] ??= "completed";
  const kind = rest["role"] === "assistant" ? "output_text" : "input_text";
  if (typeof content === "string") described["content"] = [{ type: kind, text: content }];
  else if (content !== undefined) described["content"] = content;
  return described;
}

/**
 * Where a reader goes on that has every event up to a number. Numbers count the events of the stream from 0, so writing
 * them once more tells.
 *
 * @throws HeadraceError `invalid-request` - it is no number, or no event has it yet.
 */
async function positionAfterNumber(
  log: StreamLog,
  protocol: Protocol,
  streamId: string,
  text: string,
): Promise<Position> {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (number === undefined) throw invalid("`starting_after` is the `sequence_number` of the last event you have");
  const writer = protocol.createEventWriter({ streamId });
  let toSkip = number + 1;
  let seq = -1;
  for (;;) {
    const entries = await log.read(streamId, { after: seq, limit: 256 });
    if (entries.length === 0) break;
    for (const entry of entries) {
      // The end marker has no number.
      const frames = writer.write(entry.event).filter((frame) => frame.startsWith("event:")).length;
      const isLast = isTerminal(entry.event);
      if (frames > toSkip || (isLast && frames === toSkip)) return { seq: entry.seq, skipFrames: toSkip };
      if (isLast) throw invalid(`\`starting_after\`: this response has no event ${number}`);
      toSkip -= frames;
      seq = entry.seq;
    }
  }
  if (toSkip > 0) throw invalid(`\`starting_after\`: this response has no event ${number} yet`);
  return { seq: seq + 1, skipFrames: 0 };
}

function invalid(message: string): HeadraceError {
  return new HeadraceError("invalid-request", message, { param: "starting_after" });
}
