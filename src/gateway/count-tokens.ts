import { estimateTokenCount } from "tokenx";

import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest, Part } from "../core/request.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";

/**
 * `POST /v1/messages/count_tokens`: an estimate of our own, whichever provider the model belongs to. A source of answers
 * is all that is known of a provider here, and counting is no answer.
 */
export function countTokens(app: AppOptions) {
  const protocol = app.protocols["anthropic-messages"];
  return async (c: GatewayContext): Promise<Response> => {
    const { json } = await readJsonBody(c.req.raw, app);
    const body: JsonObject = { ...json, max_tokens: 1 };
    const request = protocol.readRequest(body);
    app.router.resolve(request.model);
    return c.json({ input_tokens: estimateInput(request) }, 200, { "headrace-estimated": "true" });
  };
}

// What frames each message, and what an image of usual size costs.
const tokensPerMessage = 4;
const tokensPerMedia = 1500;

/** About how many tokens a request has. */
export function estimateInput({ messages, tools = [], responseFormat }: GenerateRequest): number {
  let count = 0;
  for (const { content } of messages) count += tokensPerMessage + estimateParts(content);
  for (const { name, description = "", parameters } of tools) {
    count += estimateTokenCount(`${name} ${description} ${JSON.stringify(parameters ?? {})}`);
  }
  if (responseFormat?.type === "json-schema") count += estimateTokenCount(JSON.stringify(responseFormat.schema));
  return count;
}

function estimateParts(parts: readonly Part[]): number {
  let count = 0;
  for (const part of parts) {
    switch (part.type) {
      case "text":
      case "reasoning":
      case "refusal":
        count += estimateTokenCount(part.text);
        break;
      case "tool-call":
        count += estimateTokenCount(`${part.name} ${part.argumentsText}`);
        break;
      case "tool-result":
        count += estimateParts(part.content);
        break;
      case "untranslatable":
        break;
      default:
        count += tokensPerMedia;
    }
  }
  return count;
}
