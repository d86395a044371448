import { HeadraceError } from "../core/errors.ts";
import type { ErrorReport } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";

/** What a client says. `id` is its own name for a request, and comes back with everything that belongs to it. */
export type ClientMessage =
  | {
      type: "start";
      id: string;
      /** What `body` is written in; left out it is an OpenAI Chat body or `{"prompt": ...}`. */
      protocol?: string;
      body: JsonObject;
      /** For protocols that name the model in the address and not in the body. */
      model?: string;
      /** In whose frames the answer is told; left out it is our own events. */
      as?: string;
      idempotencyKey?: string;
    }
  | { type: "follow"; id: string; stream: string; after?: string; as?: string }
  /** Stops the model. */
  | { type: "cancel"; id: string }
  /** Stops reading; the stream goes on or not as when a connection closes. */
  | { type: "leave"; id: string }
  | { type: "ping"; id?: string };

export type StartMessage = Extract<ClientMessage, { type: "start" }>;
export type FollowMessage = Extract<ClientMessage, { type: "follow" }>;

const fieldsOf: Readonly<Record<ClientMessage["type"], { required: readonly string[]; optional: readonly string[] }>> =
  {
    start: { required: ["id"], optional: ["protocol", "model", "as", "idempotencyKey"] },
    follow: { required: ["id", "stream"], optional: ["after", "as"] },
    cancel: { required: ["id"], optional: [] },
    leave: { required: ["id"], optional: [] },
    ping: { required: [], optional: ["id"] },
  };

const longestId = 128;

/** @throws HeadraceError `invalid-request` with `param`. */
export function readClientMessage(message: JsonObject): ClientMessage {
  const { type } = message;
  if (typeof type !== "string" || !Object.hasOwn(fieldsOf, type)) {
    throw wrong("type", `must be one of ${Object.keys(fieldsOf).join(", ")}`);
  }
  const { required, optional } = fieldsOf[type as ClientMessage["type"]];
  for (const name of required) {
    if (typeof message[name] !== "string" || message[name] === "") throw wrong(name, "must be a text");
  }
  for (const name of optional) {
    if (message[name] !== undefined && typeof message[name] !== "string") throw wrong(name, "must be a text");
  }
  if (idOf(message) === undefined && message["id"] !== undefined) {
    throw wrong("id", `must have at most ${longestId} characters`);
  }
  if (type === "start" && !isJsonObject(message["body"])) throw wrong("body", "must be an object: the request");
  return message as unknown as ClientMessage;
}

/** The id of a message that may be anything else but right. */
export function idOf({ id }: JsonObject): string | undefined {
  return typeof id === "string" && id.length <= longestId ? id : undefined;
}

function wrong(param: string, what: string): HeadraceError {
  return new HeadraceError("invalid-request", `\`${param}\` ${what}`, { param });
}

/** What we say, besides the answer itself; see `websocket-follower.ts` for that. */
export type ServerMessage =
  | { type: "started"; id: string; stream: string }
  | { type: "following"; id: string; stream: string }
  /** Without an id it is about a message that had none. */
  | { type: "error"; id?: string; error: ErrorReport }
  | { type: "pong"; id?: string };
