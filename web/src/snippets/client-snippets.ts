import { keyInCode, type SnippetWriter } from "./snippet.ts";

const question = "Why is the sky blue?";

const environment: SnippetWriter = (_body, { origin, hasKey }) => `# Every OpenAI client and most tools read these.
export OPENAI_BASE_URL=${origin}/v1
export OPENAI_API_KEY=${hasKey ? "$HEADRACE_API_KEY" : "none"}
`;

const anthropic: SnippetWriter = (_body, { origin, hasKey }) => `# Anthropic's SDKs and tools.
export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_API_KEY=${hasKey ? "$HEADRACE_API_KEY" : "none"}
`;

const google: SnippetWriter = ({ model }, options) => `import { GoogleGenAI } from "@google/genai";

const google = new GoogleGenAI({
  apiKey: ${keyInCode(options)},
  httpOptions: { baseUrl: "${options.origin}" },
});
const stream = await google.models.generateContentStream({ model: ${text(model)}, contents: ${text(question)} });
for await (const { text } of stream) process.stdout.write(text ?? "");
`;

const aiSdk: SnippetWriter = (
  { model },
  { origin, hasKey },
) => `import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const headrace = createOpenAICompatible({
  name: "headrace",
  baseURL: "${origin}/v1",${hasKey ? "\n  apiKey: process.env.HEADRACE_API_KEY," : ""}
});
const { textStream } = streamText({ model: headrace(${text(model)}), prompt: ${text(question)} });
for await (const text of textStream) process.stdout.write(text);
`;

const ollama: SnippetWriter = (_body, { origin }) => `# Clients of Ollama.
export OLLAMA_HOST=${origin}
`;

const browser: SnippetWriter = ({ model }, { hasKey }) => `${
  hasKey ? "// An EventSource sends no key: this needs a proxy of yours that adds it.\n" : ""
}const source = new EventSource("/stream?" + new URLSearchParams({
  model: ${text(model)},
  prompt: ${text(question)},
}));
source.onmessage = ({ data }) => output.append(data);
source.addEventListener("done", () => source.close());
`;

const headrace: SnippetWriter = ({ model }, { origin, hasKey }) => `import { createClient } from "headrace/client";

const client = createClient({ baseUrl: "${origin}"${hasKey ? ", apiKey: process.env.HEADRACE_API_KEY" : ""} });
const answer = client.stream({ model: ${text(model)}, prompt: ${text(question)} });
for await (const text of answer.text) process.stdout.write(text);
`;

/** How the usual clients are told about a gateway. */
export const clientSnippets = {
  environment: { title: "Environment", write: environment },
  anthropic: { title: "Anthropic", write: anthropic },
  google: { title: "Google", write: google },
  "ai-sdk": { title: "AI SDK", write: aiSdk },
  ollama: { title: "Ollama", write: ollama },
  browser: { title: "EventSource", write: browser },
  headrace: { title: "Headrace", write: headrace },
} satisfies Record<string, { title: string; write: SnippetWriter }>;

function text(value: unknown): string {
  return JSON.stringify(value);
}
