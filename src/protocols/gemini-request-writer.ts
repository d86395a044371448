import { HeadraceError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, ToolDefinition } from "../core/request.ts";
import { setField } from "./body-fields.ts";
import { writeContents } from "./gemini-contents-writer.ts";
import { forGoogle } from "./gemini-schema.ts";
import { writeThinking } from "./gemini-thinking.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";
import { warnOnce } from "./warn-once.ts";

/**
 * The body for a provider: the caller's own where it spoke this protocol, with what was changed on the way. Model and
 * stream go into the address.
 *
 * @throws HeadraceError `invalid-request` with `param` - it cannot be said, and leaving it out would change the meaning.
 */
export function writeRequest(request: GenerateRequest, _quirks: ProtocolQuirks, tell: Warn): JsonObject {
  const { original } = request;
  const kept = original?.protocol === "gemini" ? original : undefined;
  const { model: _, ...sent } = kept?.body ?? {};
  const warn = warnOnce(tell);
  const draft: Draft = {
    body: { ...sent, ...writeContents(request, warn) },
    config: { ...(isJsonObject(sent["generationConfig"]) ? sent["generationConfig"] : {}) },
    warn,
  };
  for (const [field, write] of Object.entries(writers) as [keyof typeof writers, FieldWriter][]) {
    const isUnchanged = kept === undefined ? request[field] === undefined : request[field] === kept.read[field];
    if (!isUnchanged) write(draft, request);
  }
  const { body, config } = draft;
  if (Object.keys(config).length > 0 || kept?.body["generationConfig"] !== undefined) body["generationConfig"] = config;
  if (!request.messages.some(({ role }) => role === "system" || role === "developer")) delete body["systemInstruction"];
  return body;
}

/** What is being written; `config` is the body's `generationConfig`. */
interface Draft {
  body: JsonObject;
  config: JsonObject;
  warn: Warn;
}

type FieldWriter = (draft: Draft, request: GenerateRequest) => void;

function configField(name: string, field: keyof GenerateRequest): FieldWriter {
  return ({ config }, request) => setField(config, name, request[field] as Json | undefined);
}

function unsaid(name: string): FieldWriter {
  return ({ warn }) => warn(`${name}: is left out, Gemini has no such thing`);
}

const writers = {
  tools: writeTools,
  toolChoice: writeToolChoice,
  parallelToolCalls: ({ warn }, { parallelToolCalls }) => {
    if (parallelToolCalls === false) warn("parallel_tool_calls: is left out, Gemini may call several tools at once");
  },
  maxOutputTokens: configField("maxOutputTokens", "maxOutputTokens"),
  temperature: configField("temperature", "temperature"),
  topP: configField("topP", "topP"),
  topK: ({ config }, { topK }) => setField(config, "topK", topK === undefined || topK < 1 ? undefined : topK),
  presencePenalty: configField("presencePenalty", "presencePenalty"),
  frequencyPenalty: configField("frequencyPenalty", "frequencyPenalty"),
  stop: ({ config }, { stop }) => setField(config, "stopSequences", stop === undefined ? undefined : [...stop]),
  seed: configField("seed", "seed"),
  choices: configField("candidateCount", "choices"),
  logprobs: configField("responseLogprobs", "logprobs"),
  topLogprobs: configField("logprobs", "topLogprobs"),
  responseFormat: writeResponseFormat,
  reasoningEffort: writeThoughts,
  reasoningBudgetTokens: writeThoughts,
  reasoningSummary: writeThoughts,
  verbosity: unsaid("verbosity"),
  serviceTier: writeServiceTier,
  cacheKey: unsaid("prompt_cache_key"),
  endUser: unsaid("user"),
  metadata: unsaid("metadata"),
} satisfies Partial<Record<keyof GenerateRequest, FieldWriter>>;

function writeTools({ body, warn }: Draft, { tools = [] }: GenerateRequest): void {
  // Tools that Google runs itself stay.
  const others = (Array.isArray(body["tools"]) ? body["tools"] : []).flatMap((tool) => {
    if (!isJsonObject(tool)) return [];
    const { functionDeclarations: _, ...rest } = tool;
    return Object.keys(rest).length === 0 ? [] : [rest];
  });
  const functionDeclarations = tools.map((tool) => writeTool(tool, warn));
  const written = functionDeclarations.length === 0 ? others : [...others, { functionDeclarations }];
  setField(body, "tools", written.length === 0 ? undefined : written);
}

function writeTool({ kind, name, description, parameters, strict, cache }: ToolDefinition, warn: Warn): JsonObject {
  if (kind === "custom") {
    throw new HeadraceError("invalid-request", "Gemini has no tools that take free text; define a function instead", {
      param: "tools",
    });
  }
  if (strict === true) warn("tools: `strict` is left out, Gemini has no such thing");
  if (cache !== undefined) warn("tools: cache hints are left out, Gemini caches without being told");
  return {
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parametersJsonSchema: forGoogle(parameters) }),
  };
}

const modes = { auto: "AUTO", none: "NONE", required: "ANY" } as const;

function writeToolChoice({ body }: Draft, { toolChoice }: GenerateRequest): void {
  const { functionCallingConfig: _, ...others } = isJsonObject(body["toolConfig"]) ? body["toolConfig"] : {};
  if (toolChoice === undefined) {
    setField(body, "toolConfig", Object.keys(others).length === 0 ? undefined : others);
    return;
  }
  const functionCallingConfig: JsonObject =
    typeof toolChoice === "string"
      ? { mode: modes[toolChoice] }
      : { mode: "ANY", allowedFunctionNames: [toolChoice.name] };
  body["toolConfig"] = { ...others, functionCallingConfig };
}

function writeResponseFormat({ config, warn }: Draft, { responseFormat: format }: GenerateRequest): void {
  for (const name of ["responseMimeType", "responseSchema", "responseJsonSchema"]) delete config[name];
  if (format === undefined || format.type === "text") return;
  config["responseMimeType"] = "application/json";
  if (format.type !== "json-schema") return;
  config["responseJsonSchema"] = forGoogle(format.schema);
  if (format.description !== undefined) warn("response_format: its description is left out, Gemini has no such thing");
}

function writeThoughts({ config, warn }: Draft, request: GenerateRequest): void {
  setField(config, "thinkingConfig", writeThinking(request, warn));
}

function writeServiceTier({ body, warn }: Draft, { serviceTier }: GenerateRequest): void {
  const tier = serviceTier === "default" ? "standard" : serviceTier;
  if (tier === undefined || tier === "auto") delete body["serviceTier"];
  else if (["flex", "standard", "priority"].includes(tier)) body["serviceTier"] = tier;
  else warn(`service_tier: ${tier.slice(0, 40)} is left out, Gemini has flex, standard and priority`);
}
