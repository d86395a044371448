import { HeadraceError } from "../core/errors.ts";
import type { GenerateRequest } from "../core/request.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Position } from "../streams/follow.ts";
import { beginning, positionAfter } from "../streams/follow.ts";
import type { AppOptions } from "./app.ts";
import { checkKey, hash } from "./generate.ts";
import { overridesOf, takeHeadraceOptions } from "./headrace-options.ts";
import { readFollowCursor } from "./resume.ts";
import { protocolNamed } from "./stream-routes.ts";
import type { FollowMessage, StartMessage } from "./websocket-messages.ts";

/** Which stream a socket reads, from where, and in which form. */
export interface Attachment {
  streamId: string;
  /** In whose frames; undefined for our own events. */
  protocol: Protocol | undefined;
  position: Position;
  includeUsage: boolean;
}

/** Starts a stream that a socket asked for. */
export async function startStream(app: AppOptions, owner: string, message: StartMessage): Promise<Attachment> {
  const { model, idempotencyKey } = message;
  const { body, options } = takeHeadraceOptions(message.body, new Headers());
  const spoken = protocolNamed(app, message.protocol ?? "events", "protocol");
  const protocol = protocolFor(app, message.as);
  const read = spoken.readRequest(body, { ...(model !== undefined && { model }), stream: true });
  const resolved = app.router.resolve(read.model === "" ? undefined : read.model, overridesOf(options));
  const request: GenerateRequest = { ...read, model: resolved.model };
  const { id } = await app.streams.start({
    source: resolved.source,
    request,
    protocol: spoken.name,
    owner,
    onDisconnect: options.onDisconnect ?? resolved.onDisconnect ?? app.onDisconnect,
    origin: { route: "GET /ws" },
    ...(options.tags !== undefined && { tags: options.tags }),
    ...(idempotencyKey !== undefined && {
      idempotency: {
        key: checkKey(idempotencyKey),
        requestHash: await hash(`/ws ${spoken.name}\n${JSON.stringify(message.body)}`),
      },
    }),
  });
  return { streamId: id, protocol, position: beginning, includeUsage: read.wantsUsage === true };
}

/** Finds a stream that a socket asked for, and the place where it goes on. */
export async function findStream(
  app: AppOptions,
  owner: string,
  { stream, after, as }: FollowMessage,
): Promise<Attachment> {
  const { streams, log } = app;
  const protocol = protocolFor(app, as);
  const info = await streams.info(stream, owner);
  const [header] = await log.read(stream, { after: -1, limit: 1 });
  const includeUsage = header?.event.type === "stream-start" && header.event.includeUsage === true;
  let position = beginning;
  if (after !== undefined) {
    position = await positionAfter(log, stream, readFollowCursor(stream, after), protocol?.name ?? "events");
  }
  // Whoever has everything is told once more how it ended.
  if (info.closedAt !== undefined && position.seq >= info.entries) position = { seq: info.entries - 1, skipFrames: 0 };
  return { streamId: stream, protocol, position, includeUsage };
}

function protocolFor(app: AppOptions, as: string | undefined): Protocol | undefined {
  if (as === undefined || as === "events") return undefined;
  const protocol = protocolNamed(app, as);
  if (protocol.framing !== "binary") return protocol;
  throw new HeadraceError("invalid-request", `${as} has binary frames, which have no place in a JSON message`, {
    param: "as",
  });
}
