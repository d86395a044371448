import type { ProtocolName } from "../core/events.ts";
import type { ProtocolQuirks } from "../protocols/protocol.ts";

/** A company or a server program whose models we can call. Differences between vendors are data, here and only here. */
export interface Vendor {
  /** As the vendor writes its name. */
  label: string;
  protocol: ProtocolName;
  /** Without it the configuration has to say where the server is. */
  baseUrl?: string;
  /** Environment variable of the key, as the vendor's own client names it. */
  apiKeyVariable?: string;
  /** The same, where its client takes a second one when the first is not set. */
  apiKeyFallbackVariable?: string;
  /** Name of the header that carries the key, in lower case. Default: `authorization`, as a bearer token. */
  apiKeyHeader?: string;
  /** Sent with every request, names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** Environment variable that overrides `baseUrl`. */
  baseUrlVariable?: string;
  /** Added to base URLs without a path, because the vendor's own client adds it: `/v1beta`. */
  basePath?: string;
  /** Another row has the same variables: this one appears only where the configuration names it. */
  onlyByName?: true;
  /** Path below the base URL instead of the protocol's own; `{model}` in it is the model. */
  path?: string;
  /** Environment variable of the version that every address has to name. */
  apiVersionVariable?: string;
  /** Environment variables of the region, which stands as `{region}` in `baseUrl`; the first that is set counts. */
  regionVariables?: readonly string[];
  /** Where there is no key, requests are signed for this service with the credentials of AWS. */
  awsService?: string;
  /** Of each of these lists one variable has to be set for the vendor to appear. Default: the key's or the address's. */
  appearsWith?: readonly (readonly string[])[];
  /** A server on the user's own machine: needs no key. */
  local?: true;
  /** Beginnings of model names that are known to be this vendor's, so that they work without `vendor/`. */
  modelPrefixes?: readonly string[];
  /** How a key is checked at no cost, where that is not by asking for the list of models. */
  check?: {
    /** Below the base URL, or below `baseUrl` here. */
    path?: string;
    /** As `baseUrl` above, for calls that are served elsewhere; it counts only where no other address is configured. */
    baseUrl?: string;
    /** An answer there says nothing of the key. */
    answersAnyone?: true;
  };
  quirks?: ProtocolQuirks;
}

/** Base URLs and variables: the vendors' own documentation, read 2026-11. */
export const vendors = {
  openai: {
    label: "OpenAI",
    protocol: "openai-chat",
    baseUrl: "https://api.openai.com/v1",
    apiKeyVariable: "OPENAI_API_KEY",
    baseUrlVariable: "OPENAI_BASE_URL",
    modelPrefixes: ["gpt-", "o1", "o3", "o4", "chatgpt-", "text-embedding-"],
    quirks: { knowsHints: true },
  },
  anthropic: {
    label: "Anthropic",
    protocol: "anthropic-messages",
    baseUrl: "https://api.anthropic.com",
    apiKeyVariable: "ANTHROPIC_API_KEY",
    apiKeyHeader: "x-api-key",
    headers: { "anthropic-version": "2023-06-01" },
    baseUrlVariable: "ANTHROPIC_BASE_URL",
    modelPrefixes: ["claude-"],
  },
  "openai-responses": {
    label: "OpenAI, over its Responses API",
    protocol: "openai-responses",
    baseUrl: "https://api.openai.com/v1",
    apiKeyVariable: "OPENAI_API_KEY",
    onlyByName: true,
  },
  "azure-openai": {
    label: "Azure OpenAI",
    protocol: "openai-chat",
    baseUrlVariable: "AZURE_OPENAI_ENDPOINT",
    basePath: "/openai/v1",
    apiKeyVariable: "AZURE_OPENAI_API_KEY",
    apiKeyHeader: "api-key",
    appearsWith: [["AZURE_OPENAI_ENDPOINT"], ["AZURE_OPENAI_API_KEY"]],
  },
  "azure-openai-responses": {
    label: "Azure OpenAI, over its Responses API",
    protocol: "openai-responses",
    basePath: "/openai/v1",
    apiKeyVariable: "AZURE_OPENAI_API_KEY",
    apiKeyHeader: "api-key",
    onlyByName: true,
  },
  "azure-openai-deployments": {
    label: "Azure OpenAI, addressed by deployment",
    protocol: "openai-chat",
    baseUrlVariable: "AZURE_OPENAI_ENDPOINT",
    basePath: "/openai",
    path: "/deployments/{model}/chat/completions",
    apiVersionVariable: "OPENAI_API_VERSION",
    apiKeyVariable: "AZURE_OPENAI_API_KEY",
    apiKeyHeader: "api-key",
    appearsWith: [["AZURE_OPENAI_ENDPOINT"], ["AZURE_OPENAI_API_KEY"], ["OPENAI_API_VERSION"]],
  },
  bedrock: {
    label: "Amazon Bedrock",
    protocol: "bedrock-converse",
    baseUrl: "https://bedrock-runtime.{region}.amazonaws.com",
    baseUrlVariable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    regionVariables: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    apiKeyVariable: "AWS_BEARER_TOKEN_BEDROCK",
    awsService: "bedrock",
    check: { baseUrl: "https://bedrock.{region}.amazonaws.com", path: "/foundation-models" },
    appearsWith: [
      ["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"],
      ["AWS_REGION", "AWS_DEFAULT_REGION"],
    ],
  },
  "openai-compatible": { label: "an OpenAI-compatible server", protocol: "openai-chat" },
  gemini: {
    label: "Google Gemini",
    protocol: "gemini",
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    apiKeyVariable: "GEMINI_API_KEY",
    apiKeyFallbackVariable: "GOOGLE_API_KEY",
    apiKeyHeader: "x-goog-api-key",
    baseUrlVariable: "GOOGLE_GEMINI_BASE_URL",
    basePath: "/v1beta",
    modelPrefixes: ["gemini-", "gemma-"],
  },
  // `https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi`
  vertex: {
    label: "Vertex AI, OpenAI-compatible",
    protocol: "openai-chat",
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  openrouter: {
    label: "OpenRouter",
    protocol: "openai-chat",
    baseUrl: "https://openrouter.ai/api/v1",
    apiKeyVariable: "OPENROUTER_API_KEY",
    check: { path: "/key" },
    quirks: { maxTokensField: "max_tokens", tellsCost: true },
  },
  groq: {
    label: "Groq",
    protocol: "openai-chat",
    baseUrl: "https://api.groq.com/openai/v1",
    apiKeyVariable: "GROQ_API_KEY",
    baseUrlVariable: "GROQ_BASE_URL",
  },
  mistral: {
    label: "Mistral",
    protocol: "openai-chat",
    baseUrl: "https://api.mistral.ai/v1",
    apiKeyVariable: "MISTRAL_API_KEY",
    modelPrefixes: ["mistral-", "ministral-", "codestral-", "magistral-", "pixtral-", "open-mistral-", "open-mixtral-"],
    quirks: { maxTokensField: "max_tokens", refusesStreamOptions: true, noDeveloperRole: true },
  },
  deepseek: {
    label: "DeepSeek",
    protocol: "openai-chat",
    baseUrl: "https://api.deepseek.com/v1",
    apiKeyVariable: "DEEPSEEK_API_KEY",
    modelPrefixes: ["deepseek-"],
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  xai: {
    label: "xAI",
    protocol: "openai-chat",
    baseUrl: "https://api.x.ai/v1",
    apiKeyVariable: "XAI_API_KEY",
    modelPrefixes: ["grok-"],
    quirks: { noDeveloperRole: true },
  },
  together: {
    label: "Together AI",
    protocol: "openai-chat",
    baseUrl: "https://api.together.xyz/v1",
    apiKeyVariable: "TOGETHER_API_KEY",
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  fireworks: {
    label: "Fireworks AI",
    protocol: "openai-chat",
    baseUrl: "https://api.fireworks.ai/inference/v1",
    apiKeyVariable: "FIREWORKS_API_KEY",
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  cerebras: {
    label: "Cerebras",
    protocol: "openai-chat",
    baseUrl: "https://api.cerebras.ai/v1",
    apiKeyVariable: "CEREBRAS_API_KEY",
    quirks: { noDeveloperRole: true },
  },
  perplexity: {
    label: "Perplexity",
    protocol: "openai-chat",
    baseUrl: "https://api.perplexity.ai",
    apiKeyVariable: "PERPLEXITY_API_KEY",
    modelPrefixes: ["sonar"],
    quirks: { maxTokensField: "max_tokens", refusesStreamOptions: true, noDeveloperRole: true },
  },
  moonshot: {
    label: "Moonshot AI",
    protocol: "openai-chat",
    baseUrl: "https://api.moonshot.ai/v1",
    apiKeyVariable: "MOONSHOT_API_KEY",
    modelPrefixes: ["kimi-", "moonshot-"],
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  alibaba: {
    label: "Alibaba Cloud Model Studio",
    protocol: "openai-chat",
    baseUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    apiKeyVariable: "DASHSCOPE_API_KEY",
    modelPrefixes: ["qwen-", "qwen2", "qwen3", "qwq-"],
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  huggingface: {
    label: "Hugging Face",
    protocol: "openai-chat",
    baseUrl: "https://router.huggingface.co/v1",
    apiKeyVariable: "HF_TOKEN",
    check: { answersAnyone: true },
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  // `https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1`
  cloudflare: {
    label: "Cloudflare Workers AI",
    protocol: "openai-chat",
    apiKeyVariable: "CLOUDFLARE_API_KEY",
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  // `https://{workspace}/serving-endpoints`
  databricks: {
    label: "Databricks",
    protocol: "openai-chat",
    apiKeyVariable: "DATABRICKS_TOKEN",
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  ollama: {
    label: "Ollama",
    protocol: "openai-chat",
    baseUrl: "http://127.0.0.1:11434/v1",
    baseUrlVariable: "OLLAMA_HOST",
    local: true,
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  // Ollama's own protocol, for what its OpenAI-compatible one leaves out: thinking, keep_alive, every option.
  "ollama-native": {
    label: "Ollama",
    protocol: "ollama-chat",
    baseUrl: "http://127.0.0.1:11434",
    local: true,
  },
  "llama.cpp": {
    label: "llama.cpp server",
    protocol: "openai-chat",
    baseUrl: "http://127.0.0.1:8080/v1",
    baseUrlVariable: "LLAMACPP_BASE_URL",
    local: true,
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  vllm: {
    label: "vLLM",
    protocol: "openai-chat",
    baseUrl: "http://127.0.0.1:8000/v1",
    baseUrlVariable: "VLLM_BASE_URL",
    local: true,
    quirks: { noDeveloperRole: true },
  },
  "lm-studio": {
    label: "LM Studio",
    protocol: "openai-chat",
    baseUrl: "http://127.0.0.1:1234/v1",
    baseUrlVariable: "LM_STUDIO_BASE_URL",
    local: true,
    quirks: { maxTokensField: "max_tokens", noDeveloperRole: true },
  },
  // Its variable is that of the commands that call it, so it appears only where the configuration names it.
  headrace: {
    label: "another Headrace",
    protocol: "events",
    apiKeyVariable: "HEADRACE_API_KEY",
    onlyByName: true,
  },
} as const satisfies Record<string, Vendor>;

export type VendorName = keyof typeof vendors;

export function isVendorName(name: string): name is VendorName {
  return Object.hasOwn(vendors, name);
}
