import type { Next } from "hono";

import { HeadraceError } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { geminiArray } from "../protocols/gemini-array.ts";
import type { ModelInfo } from "../routing/router.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import { estimateInput } from "./count-tokens.ts";
import type { GatewayContext } from "./environment.ts";
import { generateFromBody } from "./generate.ts";

/** Addresses of `generateContent` and `streamGenerateContent`; a model's name may have slashes. */
export const geminiPath = "/:version{v1(?:beta|alpha)?}/:target{.+:(?:streamGenerate|generate)Content}";

/** `POST /v1beta/models/{model}:generateContent`, `:streamGenerateContent`. */
export function generateContent(app: AppOptions) {
  const answer = generateFromBody(app, app.protocols["gemini"]);
  const answerAsList = generateFromBody(app, geminiArray);
  return (c: GatewayContext): Promise<Response> => (c.req.query("alt") === "sse" ? answer(c) : answerAsList(c));
}

/** Address of `countTokens`. */
export const geminiCountPath = "/:version{v1(?:beta|alpha)?}/:target{.+:countTokens}";

/** `POST /v1beta/models/{model}:countTokens`: an estimate of our own, whichever provider the model belongs to. */
export function countGeminiTokens(app: AppOptions) {
  const { endpoint, readRequest } = app.protocols["gemini"];
  return async (c: GatewayContext): Promise<Response> => {
    const { json } = await readJsonBody(c.req.raw, app);
    // What is to be counted may be given as a whole request.
    const asked = json["generateContentRequest"] ?? json["generate_content_request"];
    const target = endpoint?.read(c.req.path.replace(/:countTokens$/, ":generateContent"), {});
    const request = readRequest(isJsonObject(asked) ? asked : json, target);
    app.router.resolve(request.model);
    return c.json({ totalTokens: estimateInput(request) }, 200, { "headrace-estimated": "true" });
  };
}

/** Google's clients ask for models where OpenAI's do; what they call themselves tells them apart. */
export function forGoogleClients({ protocols }: AppOptions, answer: (c: GatewayContext) => Response) {
  return async (c: GatewayContext, next: Next): Promise<Response | void> => {
    const isGoogles = ["x-goog-api-client", "x-goog-api-key"].some((name) => c.req.header(name) !== undefined);
    if (!isGoogles) return next();
    c.set("protocol", protocols["gemini"]);
    return answer(c);
  };
}

const defaultPageSize = 50;
const maxPageSize = 1000;

/** `GET /v1beta/models`: the models, as Google lists its own. */
export function listGeminiModels({ router }: AppOptions) {
  return (c: GatewayContext): Response => {
    const pageSize = readCount(c, "pageSize", defaultPageSize);
    const first = readCount(c, "pageToken", 0);
    const all = router.models();
    const last = first + Math.min(Math.max(pageSize, 1), maxPageSize);
    const models = all.slice(first, last).map(describe);
    return c.json(last < all.length ? { models, nextPageToken: String(last) } : { models });
  };
}

/** `GET /v1beta/models/{model}`. */
export function getGeminiModel({ router }: AppOptions) {
  return (c: GatewayContext): Response => {
    const found = router.models().find(({ id }) => id === c.req.param("id"));
    if (found === undefined)
      throw new HeadraceError("model-not-found", "there is no such model; see GET /v1beta/models");
    return c.json(describe(found));
  };
}

function readCount(c: GatewayContext, name: string, usual: number): number {
  const text = c.req.query(name) ?? "";
  if (text === "") return usual;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new HeadraceError("invalid-request", `${name} is not one of ours`, { param: name });
}

function describe({ id, ownedBy }: ModelInfo) {
  return {
    name: `models/${id}`,
    version: "1",
    displayName: id,
    description: `Served by ${ownedBy}`,
    supportedGenerationMethods: ["generateContent", "countTokens"],
  };
}
