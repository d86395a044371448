/** What is here, for whoever asks `/` in a terminal. */
export function greeting(origin: string): string {
  return `Headrace is running.

  POST ${origin}/v1/chat/completions   OpenAI Chat Completions: point any OpenAI SDK at ${origin}/v1
  POST ${origin}/v1/messages           Anthropic Messages: point its SDK at ${origin}
  POST ${origin}/v1beta/models/{model}:streamGenerateContent   Gemini: point any Google SDK at ${origin}
  POST ${origin}/v1/responses          OpenAI Responses, with background, resume and previous_response_id
  GET  ${origin}/stream?prompt=Hello   for EventSource
  POST ${origin}/generate              {"prompt": "Hello"} gives chunked text
  POST ${origin}/api/chat              the AI SDK's useChat, also /api/chat/{id}/stream and /stop
  POST ${origin}/api/chat              Ollama, also /api/generate: point its clients at ${origin}
  POST ${origin}/model/{model}/converse-stream   Bedrock Converse, also /converse: an endpoint for AWS clients
  POST ${origin}/v1/embeddings         passed through to the model's provider, as is /v1/completions
  POST ${origin}/v1/streams            start a stream for the headrace client
  GET  ${origin}/ws                    WebSocket: many streams on one connection
  GET  ${origin}/v1/streams/{id}       follow one from any position; DELETE stops it, POST .../break breaks its provider
  GET  ${origin}/v1/models             what can be asked
  GET  ${origin}/v1/streams/{id}/trace what it took: attempts, timings, usage, cost; /admin/streams and more for all
  GET  ${origin}/openapi.json          all of this, for tools
  GET  ${origin}/metrics               for Prometheus

In a browser, ${origin}/ is the playground.
`;
}
