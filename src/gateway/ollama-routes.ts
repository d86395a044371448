import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { ModelInfo } from "../routing/router.ts";
import type { AppOptions } from "./app.ts";
import { readJsonBody } from "./body.ts";
import type { GatewayContext } from "./environment.ts";
import { generateFromJson } from "./generate.ts";

/** The release of Ollama whose API this is: clients look at it before they use what came later. */
const apiVersion = "0.12.11";

/** `GET /api/version`. */
export function ollamaVersion(c: GatewayContext): Response {
  return c.json({ version: apiVersion });
}

/** `GET /api/tags`: the models, as Ollama lists what it has pulled. */
export function listTags({ router, clock }: AppOptions) {
  const modifiedAt = new Date(clock.now()).toISOString();
  return async (c: GatewayContext): Promise<Response> => {
    const models = router.models().map(async (model) => ({
      name: model.id,
      model: model.id,
      modified_at: modifiedAt,
      size: 0,
      digest: await digestOf(model.id),
      details: detailsOf(model),
    }));
    return c.json({ models: await Promise.all(models) });
  };
}

/** `POST /api/show`: the little that is known of a model. Ollama's own client still calls it `name` at times. */
export function showModel(app: AppOptions) {
  const modifiedAt = new Date(app.clock.now()).toISOString();
  return async (c: GatewayContext): Promise<Response> => {
    const { json } = await readJsonBody(c.req.raw, app);
    const name = json["model"] ?? json["name"];
    if (typeof name !== "string" || name === "") {
      throw new HeadraceError("invalid-request", "`model` is missing; it must be a string", { param: "model" });
    }
    app.router.resolve(name);
    const known = app.router.models().find(({ id }) => id === name);
    return c.json({
      modelfile: "",
      parameters: "",
      template: "",
      details: detailsOf(known),
      model_info: { "general.architecture": "headrace" },
      capabilities: ["completion", "tools"],
      modified_at: modifiedAt,
    });
  };
}

/** `POST /api/generate`. */
export function ollamaGenerate(app: AppOptions) {
  const protocol = app.protocols["ollama-generate"];
  return async (c: GatewayContext): Promise<Response> => {
    const body = await readJsonBody(c.req.raw, app);
    return answerPreload(c, app, body.json) ?? generateFromJson(c, app, protocol, body);
  };
}

/**
 * A request without a prompt asks to load the model, or to drop it. There is nothing to load here, and nothing to ask of
 * a model. Undefined for all other requests.
 */
export function answerPreload(
  c: GatewayContext,
  { router, clock }: AppOptions,
  body: JsonObject,
): Response | undefined {
  const { model, messages, prompt, images, suffix, keep_alive: keepAlive } = body;
  const isChat = c.var.protocol.name === "ollama-chat";
  const asked = isChat ? isEmpty(messages) : [prompt, images, suffix].every(isEmpty);
  if (!asked || typeof model !== "string") return undefined;
  router.resolve(model);
  const said = isChat ? { message: { role: "assistant", content: "" } } : { response: "" };
  const reason = keepAlive === 0 || keepAlive === "0" ? "unload" : "load";
  const createdAt = new Date(clock.now()).toISOString();
  return c.json({ model, created_at: createdAt, ...said, done: true, done_reason: reason });
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** Clients cut and compare digests, so there has to be one that differs from model to model. */
async function digestOf(id: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function detailsOf(model: ModelInfo | undefined): JsonObject {
  const family = model?.ownedBy ?? "";
  return { parent_model: "", format: "", family, families: [family], parameter_size: "", quantization_level: "" };
}
