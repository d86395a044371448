import { HeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { AppOptions } from "./app.ts";
import type { JsonBody } from "./body.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";
import { generateFromJson, resume } from "./generate.ts";
import { answerPreload } from "./ollama-routes.ts";

/** A protocol whose clients call `POST /api/chat`. */
interface ChatTenant {
  protocol: ProtocolName;
  /** Whether a body is one of this protocol's; they are asked in order. */
  speaks(body: JsonObject): boolean;
  /** Answers what is no request to a model; undefined for all others. */
  answerAtOnce?(c: GatewayContext, app: AppOptions, body: JsonObject): Response | undefined;
}

/** Two families of clients have chosen the same path; the body tells who asks. */
const tenants: readonly ChatTenant[] = [
  { protocol: "ui-message-stream", speaks: hasUiMessages },
  { protocol: "ollama-chat", speaks: (body) => !hasUiMessages(body), answerAtOnce: answerPreload },
];

/** Messages of the AI SDK 5 and later are made of `parts`; whoever else asks has `content`. */
function hasUiMessages({ messages, trigger }: JsonObject): boolean {
  if (!Array.isArray(messages)) return typeof trigger === "string";
  if (messages.some((message) => isJsonObject(message) && Array.isArray(message["parts"]))) return true;
  return messages.length === 0 && typeof trigger === "string";
}

/** `POST /api/chat`, in the protocol of whoever asks. */
export function chatFromBody(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const lastEventId = c.req.header("last-event-id");
    if (lastEventId !== undefined) {
      // Of the two, only this one's frames have ids.
      c.set("protocol", app.protocols["ui-message-stream"]);
      return resume(c, app, lastEventId);
    }
    const body: JsonBody = await readJsonBody(c.req.raw, app);
    const tenant = tenants.find(({ speaks }) => speaks(body.json));
    if (tenant === undefined) {
      throw new HeadraceError("invalid-request", "these messages are of no protocol that is served here", {
        param: "messages",
      });
    }
    const protocol = app.protocols[tenant.protocol];
    c.set("protocol", protocol);
    return tenant.answerAtOnce?.(c, app, body.json) ?? generateFromJson(c, app, protocol, body);
  };
}
