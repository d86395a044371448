import { HeadraceError, toHeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import type { AskedProtocol } from "../core/operation.ts";
import type { Cursor } from "../log/cursor.ts";
import type { StreamInfo } from "../log/stream-log.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Records } from "../records/records.ts";
import { beginning, positionAfter } from "../streams/follow.ts";
import type { Streams } from "../streams/streams.ts";
import { findReadable, ownerSeenBy } from "./access.ts";
import type { AppOptions } from "./app.ts";
import type { GatewayContext } from "./environment.ts";
import { readFollowCursor } from "./resume.ts";
import { respondWithStream } from "./respond.ts";

const maxListed = 100;

export interface FollowRequest {
  streamId: string;
  /** The last thing the client has; without it the stream is read from its beginning. */
  cursor?: Cursor;
  protocol: Protocol;
}

/** `GET /v1/streams/{id}`: follows a stream in any protocol, by default the one it was started in. */
export function getStream(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const streamId = c.req.param("id") ?? "";
    const info = await findReadable(c, app, streamId);
    const protocol = protocolNamed(app, c.req.query("as") ?? info.protocol);
    const text = c.req.query("after") ?? c.req.header("last-event-id");
    if (text === undefined || text === "") {
      // A stream that never began to answer failed in the words of the protocol.
      c.set("protocol", protocol);
      return followStream(c, app, { streamId, protocol });
    }
    return followStream(c, app, { streamId, protocol, cursor: readFollowCursor(streamId, text) });
  };
}

/** Goes on with a stream behind a cursor. */
export async function followStream(
  c: GatewayContext,
  app: AppOptions,
  { streamId, cursor, protocol }: FollowRequest,
): Promise<Response> {
  const { streams, log, clock, heartbeatMs } = app;
  const info = await findReadable(c, app, streamId);
  const [header] = await log.read(streamId, { after: -1, limit: 1 });
  const includeUsage = header?.event.type === "stream-start" && header.event.includeUsage === true;
  const writeOptions = { streamId, includeUsage, replay: cursor === undefined };
  let position = cursor === undefined ? beginning : await positionAfter(log, streamId, cursor, protocol.name);
  if (info.closedAt !== undefined && position.seq >= info.entries) {
    // An EventSource reconnects for ever unless it is told that this was all.
    if (c.req.method === "GET" && c.req.header("last-event-id") !== undefined) {
      return c.body(null, 204, { "headrace-stream-id": streamId });
    }
    position = { seq: info.entries - 1, skipFrames: 0 };
  }
  return respondWithStream(c, { streams, clock, patienceMs: heartbeatMs, protocol, writeOptions, position });
}

/** `DELETE /v1/streams/{id}`: stops it; with `?purge=true` nothing of it is kept. An admin can do that to every stream. */
export function deleteStream(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const streamId = c.req.param("id") ?? "";
    await findKept(c, app, streamId);
    await app.passedCalls.stop(streamId);
    if (c.req.query("purge") === "true") {
      await purge(app, streamId);
      return c.json({ id: streamId, object: "stream", deleted: true });
    }
    await app.streams.stop(streamId);
    return c.json(describeStream(await findKept(c, app, streamId)));
  };
}

/** `POST /v1/streams/{id}/break`: rehearses the failure of its provider, while it is written. Not even an admin does so to others. */
export function breakStream({ streams }: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const streamId = c.req.param("id") ?? "";
    await streams.info(streamId, c.var.owner);
    const { attempts, breaksLeft } = await streams.breakAttempts(streamId);
    return c.json({ id: streamId, object: "stream.break", attempts, breaks_left: breaksLeft });
  };
}

type Described = Pick<StreamInfo, "id" | "model" | "createdAt" | "closedAt" | "entries" | "epoch"> & {
  protocol: AskedProtocol;
};

/**
 * A stream, or its record: records are kept for longer than what was said, and are all there is of calls that were passed on.
 *
 * @throws HeadraceError `stream-not-found` - nothing is kept of such a stream, or it is somebody else's.
 */
async function findKept(c: GatewayContext, { streams, records }: AppOptions, streamId: string): Promise<Described> {
  try {
    return await streams.info(streamId, ownerSeenBy(c));
  } catch (error) {
    if (records === undefined || toHeadraceError(error).code !== "stream-not-found") throw error;
  }
  const { id, model, protocol, startedAt, endedAt, entries } = await records.trace(streamId, ownerSeenBy(c));
  const kept = { id, model, protocol, createdAt: startedAt, entries, epoch: 0 };
  return endedAt === undefined ? kept : { ...kept, closedAt: endedAt };
}

/** Removes everything that is kept of a stream, stopping it first. */
export async function purge(
  { streams, records }: { streams: Pick<Streams, "delete">; records: Pick<Records, "delete"> | undefined },
  streamId: string,
): Promise<void> {
  // First the log, so that nothing of it is archived from now on.
  await streams.delete(streamId);
  if (records === undefined) return;
  await records.delete(streamId);
  // Again, since a reader may just have had it from the archive.
  await streams.delete(streamId);
}

/** `GET /v1/streams`: the caller's streams, newest first. */
export function listStreams(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const limit = Number(c.req.query("limit") ?? 20);
    if (!Number.isInteger(limit) || limit < 1 || limit > maxListed) {
      throw new HeadraceError("invalid-request", `limit is a whole number from 1 to ${maxListed}`, { param: "limit" });
    }
    const before = c.req.query("before");
    const owner = c.var.owner;
    // One more than asked for tells whether there are further ones.
    const found = await app.streams.list({ owner, limit: limit + 1, ...(before !== undefined && { before }) });
    return c.json({ object: "list", data: found.slice(0, limit).map(describeStream), has_more: found.length > limit });
  };
}

/** A stream in an answer. */
export function describeStream(info: Described) {
  const { id, model, protocol, createdAt, closedAt, entries, epoch } = info;
  return {
    id,
    object: "stream",
    model,
    protocol,
    state: closedAt === undefined ? "open" : "closed",
    created_at: new Date(createdAt).toISOString(),
    closed_at: closedAt === undefined ? null : new Date(closedAt).toISOString(),
    entries,
    epoch,
  };
}

const shortNames: Record<string, ProtocolName> = { text: "plain-text" };

/** The protocol of this name; `param` is where the name was given. */
export function protocolNamed({ protocols }: AppOptions, name: string, param = "as"): Protocol {
  const full = shortNames[name] ?? name;
  const protocol = Object.hasOwn(protocols, full) ? protocols[full as ProtocolName] : undefined;
  if (protocol !== undefined) return protocol;
  const known = [...Object.keys(protocols), ...Object.keys(shortNames)].join(", ");
  throw new HeadraceError("invalid-request", `there is no protocol of that name; known are ${known}`, { param });
}
