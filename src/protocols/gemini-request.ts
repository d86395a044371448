import type { JsonObject } from "../core/json.ts";
import type { GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition } from "../core/request.ts";
import { BodyFields, definedOnly } from "./body-fields.ts";
import { readContents, readSystem } from "./gemini-contents.ts";
import { withCamelCase } from "./gemini-field-names.ts";
import { toJsonSchema } from "./gemini-schema.ts";
import type { RequestTarget } from "./protocol.ts";

/**
 * Reads the body of `generateContent`; model and stream are in the address. Fields that we do not know are the
 * provider's business: they stay in `original`.
 *
 * @throws HeadraceError `invalid-request` with `param` - a field is missing or has the wrong type.
 */
export function readRequest(sent: JsonObject, target: RequestTarget = {}): GenerateRequest {
  const body = withCamelCase(sent);
  const fields = new BodyFields(body);
  const config = fields.object("generationConfig") ?? new BodyFields({}, "generationConfig");
  const read: GenerateRequest = {
    model: target.model ?? fields.string("model") ?? "",
    messages: readMessages(fields),
    ...definedOnly(readTooling(fields)),
    ...definedOnly(readSampling(config)),
    ...definedOnly(readOutput(config)),
    ...definedOnly({
      serviceTier: fields.string("serviceTier")?.toLowerCase(),
      untranslatable: untranslatableOf(fields, config),
    }),
    wantsStream: target.stream ?? false,
    // Not an option here: usage is in every chunk.
    wantsUsage: true,
  };
  return { ...read, original: { protocol: "gemini", body, read } };
}

function readMessages(fields: BodyFields): Message[] {
  const contents = fields.requiredObjects("contents", "a list with at least one content");
  const system = readSystem(fields);
  const messages = readContents(contents);
  return system === undefined ? messages : [system, ...messages];
}

function readTooling(fields: BodyFields) {
  const tools = fields
    .objects("tools")
    ?.flatMap((tool) => tool.objects("functionDeclarations") ?? [])
    .map(readTool);
  const config = fields.object("toolConfig")?.object("functionCallingConfig");
  const mode = config?.string("mode")?.toUpperCase();
  const allowed = config?.strings("allowedFunctionNames", "a list of names");
  // Nobody else has a choice among some of the tools, and those that may not be called need not be there.
  const usable = mode === "ANY" && allowed !== undefined ? tools?.filter(({ name }) => allowed.includes(name)) : tools;
  return { tools: usable, toolChoice: readToolChoice(mode, allowed) };
}

function readTool(declaration: BodyFields): ToolDefinition {
  const schema = declaration.object("parametersJsonSchema")?.body ?? declaration.object("parameters")?.body;
  return {
    kind: "function",
    name: declaration.requiredString("name"),
    ...definedOnly({
      description: declaration.string("description"),
      parameters: schema === undefined ? undefined : toJsonSchema(schema),
    }),
  };
}

function readToolChoice(mode: string | undefined, allowed: readonly string[] | undefined): ToolChoice | undefined {
  const [only] = allowed ?? [];
  if (mode === "ANY") return only !== undefined && allowed?.length === 1 ? { name: only } : "required";
  if (mode === "NONE") return "none";
  return mode === undefined ? undefined : "auto";
}

function readSampling(config: BodyFields) {
  return {
    maxOutputTokens: config.integer("maxOutputTokens", { min: 1 }),
    temperature: config.number("temperature", { min: 0, max: 2 }),
    topP: config.number("topP", { min: 0, max: 1 }),
    topK: config.number("topK", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    presencePenalty: config.number("presencePenalty", { min: -2, max: 2 }),
    frequencyPenalty: config.number("frequencyPenalty", { min: -2, max: 2 }),
    stop: config.strings("stopSequences"),
    seed: config.integer("seed", { min: Number.MIN_SAFE_INTEGER }),
    choices: config.integer("candidateCount", { min: 1, max: 128 }),
    logprobs: config.boolean("responseLogprobs"),
    topLogprobs: config.integer("logprobs", { min: 0, max: 20 }),
  };
}

function readOutput(config: BodyFields) {
  const thinking = config.object("thinkingConfig");
  const budget = thinking?.integer("thinkingBudget", { min: -1 });
  const includeThoughts = thinking?.boolean("includeThoughts");
  const level = thinking?.string("thinkingLevel")?.toLowerCase();
  return {
    responseFormat: readResponseFormat(config),
    reasoningEffort: level === "thinking_level_unspecified" ? undefined : level,
    // -1 leaves it to the model, as does no budget.
    reasoningBudgetTokens: budget === -1 ? undefined : budget,
    reasoningSummary: includeThoughts === undefined ? undefined : includeThoughts ? "auto" : "none",
  };
}

function readResponseFormat(config: BodyFields): ResponseFormat | undefined {
  const type = config.string("responseMimeType");
  const schema = config.object("responseJsonSchema")?.body ?? config.object("responseSchema")?.body;
  if (type === "text/plain") return { type: "text" };
  if (type !== "application/json") return undefined;
  return schema === undefined
    ? { type: "json" }
    : { type: "json-schema", name: "response", schema: toJsonSchema(schema) };
}

const translatable: ReadonlySet<string> = new Set(
  (
    "model contents systemInstruction tools toolConfig generationConfig serviceTier maxOutputTokens temperature topP topK " +
    "presencePenalty frequencyPenalty stopSequences seed candidateCount responseLogprobs logprobs responseMimeType " +
    "responseSchema responseJsonSchema thinkingConfig"
  ).split(" "),
);

/** What only a provider of this protocol can be told. */
function untranslatableOf(fields: BodyFields, config: BodyFields): string[] | undefined {
  const names = [fields, config].flatMap((part) =>
    Object.keys(part.body)
      .filter((name) => !translatable.has(name) && part.value(name) !== undefined)
      .map((name) => part.pathOf(name)),
  );
  const tools = (fields.objects("tools") ?? []).flatMap(({ body }) =>
    Object.keys(body)
      .filter((name) => name !== "functionDeclarations")
      .map((name) => `tool ${name}`),
  );
  const type = config.string("responseMimeType") ?? "application/json";
  const isKnown = type === "application/json" || type === "text/plain";
  const all = [...names, ...tools, ...(isKnown ? [] : [`generationConfig.responseMimeType ${type}`])];
  return all.length === 0 ? undefined : all.map((name) => name.slice(0, 80));
}
