// What it costs a stream that needs no help to be ready for one: CPU per event of a provider's source, bare and made sturdy.
// In one process and without sockets, so that nothing hides the difference. Run alone: `node bench/reliability.ts`.
import { parseConfig } from "../src/config.ts";
import type { StreamSource } from "../src/core/source.ts";
import { systemClock, systemRandomness } from "../src/outside.ts";
import { protocols } from "../src/protocols/all.ts";
import { createHttpProvider } from "../src/providers/http-provider.ts";
import type { ByteSink, Transport } from "../src/providers/transport.ts";
import { Reliability } from "../src/reliability/reliability.ts";
import { median } from "./samples.ts";

const eventsPerStream = 200;
const streams = 500;
const rounds = 15;
const warmUps = 3;

const frameOf = (delta: object, finish: string | null): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 1,
    model: "bench",
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
const encoder = new TextEncoder();
const token = encoder.encode(frameOf({ content: " token" }, null));
const end = encoder.encode(`${frameOf({}, "stop")}data: [DONE]\n\n`);

/** Answers at once, one read for each event, each taken before the next one comes. */
const transport: Transport = async () => ({
  status: 200,
  headers: { "content-type": "text/event-stream" },
  body: { pipe: (sink) => void play(sink), pause() {}, resume() {}, cancel() {}, release() {} },
});

async function play(sink: ByteSink): Promise<void> {
  for (let index = 0; index < eventsPerStream; index++) {
    sink.push(token);
    // As many turns as it takes the consumer to ask again.
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
  sink.push(end);
  sink.end();
}

const bare = createHttpProvider({
  name: "bench",
  protocol: protocols["openai-chat"],
  baseUrl: "http://bench",
  transport,
});
const { reliability: settings } = parseConfig({});
const reliability = new Reliability({ clock: systemClock, randomness: systemRandomness, settings });
const target = (provider: string) => reliability.target({ provider, model: "m", vendor: "bench", source: bare });
const sources: Record<string, StreamSource> = {
  bare,
  "one target": reliability.source([target("a")]),
  "two targets": reliability.source([target("b"), target("c")]),
};

async function cpuPerEventUs(source: StreamSource): Promise<number> {
  const before = process.cpuUsage();
  let events = 0;
  for (let index = 0; index < streams; index++) {
    const { signal } = new AbortController();
    for await (const _event of source({ model: "m", messages: [] }, { signal, stream: { id: "st", attempts: 0 } })) {
      events++;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events;
}

const measured = new Map(Object.keys(sources).map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds + warmUps; round++) {
  for (const [name, source] of Object.entries(sources)) {
    const us = await cpuPerEventUs(source);
    if (round >= warmUps) measured.get(name)?.push(us);
  }
}
const base = median(measured.get("bare") ?? []) ?? 1;
console.log(`CPU per event, streams of ${eventsPerStream} events, median of ${rounds} rounds`);
for (const [name, values] of measured) {
  const us = median(values) ?? 0;
  console.log(`${name.padEnd(12)} ${us.toFixed(2)} us  ${(us / base).toFixed(2)} times`);
}
