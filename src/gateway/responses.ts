import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { BodyFields } from "../protocols/body-fields.ts";
import { beginning } from "../streams/follow.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";
import { startStream } from "./generate.ts";
import { takeHeadraceOptions } from "./headrace-options.ts";
import { respondWithAnswer, respondWithStream } from "./respond.ts";
import { findResponse, inputItems, readResponse } from "./stored-response.ts";

/**
 * `POST /v1/responses`: OpenAI's Responses, for every provider. What is kept for later calls is kept with the stream: the
 * request in its header, the answer in its entries.
 */
export function createResponse(app: AppOptions) {
  return async (c: GatewayContext): Promise<Response> => {
    const { text, json } = await readJsonBody(c.req.raw, app);
    const { body: given, options } = takeHeadraceOptions(json, c.req.raw.headers);
    const fields = new BodyFields(given);
    const isBackground = fields.boolean("background") === true;
    const isStored = fields.boolean("store") !== false;
    if (isBackground && !isStored) {
      throw new HeadraceError("invalid-request", "`background` needs `store`: the answer is fetched later", {
        param: "background",
      });
    }
    const previousId = fields.string("previous_response_id");
    const body = previousId === undefined ? given : await goOn(c, app, given, previousId);
    const { protocols, streams, clock, heartbeatMs } = app;
    const protocol = protocols["openai-responses"];
    const { id, request } = await startStream(c, app, {
      protocol,
      body,
      target: {},
      text: `${c.req.path}\n${text}`,
      options,
      // That is what it means.
      ...(isBackground && { unattended: true as const }),
      ...(isStored && { stored: { ...withoutStream(body), previous_response_id: previousId ?? null } }),
    });
    const writeOptions = { streamId: id, includeUsage: true };
    if (request.wantsStream === false && isBackground) {
      return c.json(await readResponse(app, id), 200, { "headrace-stream-id": id });
    }
    const respond = request.wantsStream === false ? respondWithAnswer : respondWithStream;
    return respond(c, { streams, clock, patienceMs: heartbeatMs, protocol, writeOptions, position: beginning });
  };
}

function withoutStream(body: JsonObject): JsonObject {
  const { stream: _, stream_options: __, ...rest } = body;
  return rest;
}

/** The request with the conversation so far in front of its input. Instructions are not part of a conversation. */
async function goOn(c: GatewayContext, app: AppOptions, given: JsonObject, previousId: string): Promise<JsonObject> {
  const { previous_response_id: _, ...body } = given;
  const { streamId, request } = await findResponse(c, app, previousId, "previous_response_id");
  const response = await readResponse(app, streamId);
  const status = response["status"];
  if (status === "queued" || status === "in_progress") {
    throw new HeadraceError("invalid-request", `response ${previousId} is still being written; wait for its end`, {
      param: "previous_response_id",
    });
  }
  const said = Array.isArray(response["output"]) ? response["output"].flatMap(asInput) : [];
  return { ...body, input: [...inputItems(request["input"]), ...said, ...inputItems(body["input"])] };
}

/** An item of an answer as an item of the next request. */
function asInput(item: Json): JsonObject[] {
  if (!isJsonObject(item)) return [];
  const { type, status, summary, content, encrypted_content: encrypted } = item;
  // Ids name what the provider may not have kept; without them it takes items as they are.
  const { id: _, status: __, ...rest } = item;
  switch (type) {
    case "message":
      return [{ ...rest, content: Array.isArray(content) ? content.map(withoutLogprobs) : [] }];
    case "reasoning":
      return typeof encrypted === "string" ? [{ type, summary: summary ?? [], encrypted_content: encrypted }] : [];
    case "function_call":
    case "custom_tool_call":
      // Nobody can have answered a call that broke off.
      return status === "incomplete" ? [] : [rest];
    default:
      return [item];
  }
}

function withoutLogprobs(part: Json): Json {
  if (!isJsonObject(part)) return part;
  const { logprobs: _, ...rest } = part;
  return rest;
}
