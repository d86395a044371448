import type { Json, JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { GenerateRequest, Message } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import type { ProtocolQuirks, Warn } from "./protocol.ts";

type Hint = "verbosity" | "serviceTier" | "cacheKey" | "endUser" | "metadata";

/** Fields that OpenAI has and few others; where they are unknown, many servers refuse the whole request. */
const hints: Readonly<Record<Hint, string>> = {
  verbosity: "verbosity",
  serviceTier: "service_tier",
  cacheKey: "prompt_cache_key",
  endUser: "safety_identifier",
  metadata: "metadata",
};

export function readHints(fields: BodyFields) {
  const metadata = fields.object("metadata")?.body;
  const isPlain = metadata !== undefined && Object.values(metadata).every((value) => typeof value === "string");
  return {
    verbosity: fields.string("verbosity"),
    serviceTier: fields.string("service_tier"),
    cacheKey: fields.string("prompt_cache_key"),
    endUser: fields.string("safety_identifier") ?? fields.string("user"),
    metadata: isPlain ? (metadata as Record<string, string>) : undefined,
  };
}

export function writeHints(
  body: JsonObject,
  request: GenerateRequest,
  kept: GenerateRequest | undefined,
  quirks: ProtocolQuirks,
  warn: Warn,
): void {
  for (const [field, name] of Object.entries(hints) as [Hint, string][]) {
    const value = request[field] as Json | undefined;
    if (value === kept?.[field]) continue;
    if (value === undefined) delete body[name];
    else if (quirks.knowsHints === true) body[name] = value;
    else warn(`${name}: not every server of this protocol knows it; left out`);
  }
  const { topK, reasoningBudgetTokens, reasoningEffort } = request;
  if (topK !== kept?.topK && topK !== undefined && quirks.knowsHints === true) {
    delete body["top_k"];
    warn("top_k: OpenAI has no such setting");
  }
  if (
    reasoningBudgetTokens !== kept?.reasoningBudgetTokens &&
    (reasoningBudgetTokens ?? 0) > 0 &&
    reasoningEffort === undefined
  ) {
    warn("thinking: this protocol has efforts and no budgets; the model thinks as it does by default");
  }
}

const translatable: ReadonlySet<string> = new Set(
  (
    "model messages tools tool_choice parallel_tool_calls max_completion_tokens max_tokens temperature top_p top_k " +
    "presence_penalty frequency_penalty stop seed n logprobs top_logprobs response_format reasoning_effort stream " +
    "stream_options verbosity service_tier prompt_cache_key safety_identifier user metadata"
  ).split(" "),
);

/** What only a provider of this protocol can be told. */
export function untranslatableOf(fields: BodyFields): string[] | undefined {
  const isSaid = (name: string) =>
    fields.value(name) !== undefined && !(name === "store" && fields.value(name) === false);
  const names = Object.keys(fields.body).filter((name) => !translatable.has(name) && isSaid(name));
  const tools = fields.value("tools");
  const types = (Array.isArray(tools) ? tools : []).flatMap((tool) => {
    const type = isJsonObject(tool) ? tool["type"] : undefined;
    return typeof type === "string" && type !== "function" && type !== "custom" ? [`tool ${type}`] : [];
  });
  const all = [...names, ...types].map((name) => name.slice(0, 60));
  return all.length === 0 ? undefined : all;
}

/** Says what of a message of another protocol has no place here. */
export function warnOfParts({ content }: Message, path: string, warn: Warn): void {
  for (const part of content) {
    if (part.type === "reasoning") warn(`${path}: reasoning of an earlier answer is left out`);
    if (part.type === "untranslatable") warn(`${path}: ${part.what} cannot be said in this protocol and is left out`);
    if ("cache" in part && part.cache !== undefined) warn(`${path}: this protocol has no marks for caching`);
  }
}
