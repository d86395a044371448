// A real inference engine behind the gateway: streamed by the official OpenAI client, stopped in mid-answer, resumed.
import { EventSourceParserStream } from "eventsource-parser/stream";
import OpenAI from "openai";

// Users write: import { createHeadrace, serve } from "headrace";
import { createHeadrace, serve } from "../../src/index.ts";
import { writeCorpus } from "./corpus.ts";
import { engineFile, isEngineInstalled, loadEngine } from "./engine.ts";
import { makeModel } from "./make-model.ts";
import { createLocalModel, type Meter } from "./model.ts";

setTimeout(() => fail("this took more than five minutes"), 300_000).unref();

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const begun = performance.now();
if (!isEngineInstalled()) console.log("Installing llama.cpp (85 MB, once) ...");
const { getLlama } = await loadEngine();
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
console.log(`Engine: llama.cpp through node-llama-cpp, ready after ${seconds(begun)}`);

const meter: Meter = { sampledTokens: 0, running: 0, lastTokenAt: 0 };
const load = async (name: string, options: { ends: boolean }) => {
  const path = engineFile(`${name}.gguf`);
  makeModel(path, writeCorpus(), options);
  const model = await llama.loadModel({ modelPath: path });
  return createLocalModel(model, await model.createContext({ contextSize: 512, sequences: 4, threads: 1 }), meter);
};
// The miller comes to an end, the brook goes on for ever.
const models = { miller: await load("miller", { ends: true }), brook: await load("brook", { ends: false }) };

const headrace = await createHeadrace({ models, log: { store: "memory" } });
const server = await serve(headrace, { port: 0 });
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none needed", maxRetries: 0, timeout: 60_000 });
console.log(`Gateway: ${server.url}, models ${Object.keys(models).join(" and ")}`);

await streamAnswer();
await stopInMidAnswer();
await leaveAndComeBack();
await server.close({ drainMs: 0 });
console.log("\nAll three promises were kept.");

async function streamAnswer(): Promise<void> {
  console.log("\n1. The official OpenAI client streams an answer\n");
  const startedAt = performance.now();
  const stream = await openai.chat.completions.create({
    model: "miller",
    messages: [{ role: "user", content: "Tell me about the mill." }],
    seed: 2,
    stream: true,
    stream_options: { include_usage: true },
  });
  let firstAt = 0;
  let tokens = 0;
  let finishReason = "";
  process.stdout.write("   ");
  for await (const { choices, usage } of stream) {
    const text = choices[0]?.delta.content ?? "";
    if (text !== "" && firstAt === 0) firstAt = performance.now();
    process.stdout.write(text);
    finishReason = choices[0]?.finish_reason ?? finishReason;
    tokens = usage?.completion_tokens ?? tokens;
  }
  const rate = tokens / ((performance.now() - firstAt) / 1000);
  console.log(
    `\n\n   ${tokens} tokens, the first after ${ms(firstAt - startedAt)}, ${rate.toFixed(0)} tokens/s, finish_reason ${finishReason}`,
  );
  check(finishReason === "stop" && tokens > 0, "the answer came to its own end");
}

async function stopInMidAnswer(): Promise<void> {
  console.log("\n2. An answer without an end is stopped in the middle\n");
  const { data: stream, response } = await openai.chat.completions
    .create({ model: "brook", messages: [{ role: "user", content: "Go on." }], stream: true })
    .withResponse();
  const streamUrl = `${server.url}/v1/streams/${response.headers.get("headrace-stream-id")}`;
  let received = 0;
  let stoppedAt = 0;
  let stopping: Promise<Response> | undefined;
  const goOn = async () => {
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content && ++received === 100) {
        stoppedAt = performance.now();
        stopping = fetch(streamUrl, { method: "DELETE" });
      }
    }
  };
  // What a client sees of an answer that was stopped is its protocol's business; here it counts that it ends.
  await goOn().catch(() => {});
  check((await stopping)?.ok === true, "DELETE /v1/streams/{id} is answered");

  // Looking for twice as long as is promised would show any token that came too late.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const afterMs = Math.max(0, meter.lastTokenAt - stoppedAt);
  console.log(`   stopped after ${received} tokens; llama.cpp sampled its last token ${ms(afterMs)} later`);
  check(meter.running === 0, "llama.cpp is at rest");
  check(afterMs <= 250, "it stopped within 250 ms");
}

async function leaveAndComeBack(): Promise<void> {
  console.log("\n3. A client loses its connection and comes back\n");
  const connection = new AbortController();
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "brook",
      messages: [{ role: "user", content: "Go on." }],
      stream: true,
      max_tokens: 400,
    }),
    signal: connection.signal,
  });
  const streamUrl = `${server.url}/v1/streams/${response.headers.get("headrace-stream-id")}`;
  const uninterrupted = fetch(streamUrl).then((whole) => readText(whole));

  const first = await readText(response, 40);
  connection.abort();
  const rest = await readText(await fetch(streamUrl, { headers: { "last-event-id": first.lastEventId } }));
  const whole = await uninterrupted;
  console.log(
    `   read 40 tokens, was cut off after event ${first.lastEventId}, resumed there and read ${rest.tokens} more`,
  );
  check(first.tokens === 40 && first.tokens + rest.tokens === 400, "nothing is missing and nothing came twice");
  check(first.text + rest.text === whole.text, "both halves are what an uninterrupted reader read");
}

/** Reads the text of an OpenAI stream, all of it or so many tokens, and remembers where it stopped. */
async function readText(response: Response, maxTokens = Infinity) {
  const read = { text: "", tokens: 0, lastEventId: "" };
  if (response.body === null) return read;
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id, data } of events) {
    read.lastEventId = id ?? read.lastEventId;
    const content: string = data === "[DONE]" ? "" : (JSON.parse(data).choices[0]?.delta.content ?? "");
    if (content === "") continue;
    read.text += content;
    if (++read.tokens === maxTokens) break;
  }
  return read;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function check(kept: boolean, promise: string): void {
  if (!kept) fail(`not so: ${promise}`);
  console.log(`   ok: ${promise}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
