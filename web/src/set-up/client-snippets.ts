export interface ClientOptions {
  origin: string;
  model: string;
  /** The gateway asks for a key: which one is never written into a snippet. */
  hasKey: boolean;
}

const writers = {
  openai: ({ origin, hasKey }) => `# Every OpenAI client and most tools read these.
export OPENAI_BASE_URL=${origin}/v1
export OPENAI_API_KEY=${keyOr("none", hasKey)}
`,
  anthropic: ({ origin, hasKey }) => `# Anthropic's SDKs and tools.
export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_API_KEY=${keyOr("none", hasKey)}
`,
  google: ({ origin, hasKey }) => `import { GoogleGenAI } from "@google/genai";

const google = new GoogleGenAI({
  apiKey: ${keyInCode(hasKey)},
  httpOptions: { baseUrl: "${origin}" },
});
`,
  "ai-sdk": ({ origin, model, hasKey }) => `import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const headrace = createOpenAICompatible({
  name: "headrace",
  baseURL: "${origin}/v1",${hasKey ? "\n  apiKey: process.env.HEADRACE_API_KEY," : ""}
});
const { textStream } = streamText({ model: headrace("${model}"), prompt: "Why is the sky blue?" });
for await (const text of textStream) process.stdout.write(text);
`,
  ollama: ({ origin }) => `# Clients of Ollama.
export OLLAMA_HOST=${origin}
`,
  browser: ({ model }) => `const source = new EventSource("/stream?" + new URLSearchParams({
  model: "${model}",
  prompt: "Why is the sky blue?",
}));
source.onmessage = ({ data }) => output.append(data);
source.addEventListener("done", () => source.close());
`,
  headrace: ({ origin, model, hasKey }) => `import { createClient } from "headrace/client";

const client = createClient({ baseUrl: "${origin}"${hasKey ? ", apiKey: process.env.HEADRACE_API_KEY" : ""} });
const answer = client.stream({ model: "${model}", prompt: "Why is the sky blue?" });
for await (const text of answer.text) process.stdout.write(text);
`,
} satisfies Record<string, (options: ClientOptions) => string>;

export type ClientName = keyof typeof writers;

export const clientNames: readonly { name: ClientName; title: string }[] = [
  { name: "openai", title: "OpenAI" },
  { name: "anthropic", title: "Anthropic" },
  { name: "google", title: "Google" },
  { name: "ai-sdk", title: "AI SDK" },
  { name: "ollama", title: "Ollama" },
  { name: "browser", title: "EventSource" },
  { name: "headrace", title: "Headrace" },
];

export function writeClient(name: ClientName, options: ClientOptions): string {
  return writers[name](options);
}

function keyOr(nothing: string, hasKey: boolean): string {
  return hasKey ? "$HEADRACE_API_KEY" : nothing;
}

function keyInCode(hasKey: boolean): string {
  return hasKey ? "process.env.HEADRACE_API_KEY" : '"none"';
}
