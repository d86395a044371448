import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";
import { followStream } from "./stream-routes.ts";

/**
 * `GET /api/chat/{chatId}/stream`: the chat's current answer from its beginning, as the AI SDK's transport wants it back:
 * the client then builds the message anew, under the same id. Also when the answer has ended meanwhile.
 */
export function resumeChat(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const info = await app.streams.ofChat(c.req.param("chatId") ?? "", c.var.owner);
    if (info === undefined) return c.body(null, 204);
    return followStream(c, app, { streamId: info.id, protocol: app.protocols["ui-message-stream"] });
  };
}

/**
 * `POST` or `DELETE /api/chat/{chatId}/stop`: stops the chat's current answer; readers get what there is. A body
 * `{"activeStreamId"}` makes sure that it is still that one: a late click never stops the next answer.
 */
export function stopChat(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const hasBody = c.req.method === "POST" && (c.req.header("content-length") ?? "0") !== "0";
    const { activeStreamId } = hasBody ? (await readJsonBody(c.req.raw, app)).json : {};
    const info = await app.streams.ofChat(c.req.param("chatId") ?? "", c.var.owner);
    const isMeant = info !== undefined && (activeStreamId === undefined || activeStreamId === info.id);
    const isOpen = isMeant && info.closedAt === undefined;
    if (isOpen) await app.streams.stop(info.id);
    return c.json({ success: true, stopped: isOpen ? info.id : null });
  };
}
