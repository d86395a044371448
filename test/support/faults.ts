import type { SimulatorOptions } from "../../src/providers/simulator/simulator.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { createVirtualClock } from "../../src/testing.ts";
import { post, sky, url } from "./simulator.ts";

/** What came of a call, an hour later. */
export interface Outcome {
  /** Missing while no headers have come. */
  response?: Response;
  /** Virtual milliseconds until then. */
  headersAt?: number;
  /** Each read of the body, with its time. */
  reads: { at: number; bytes: Uint8Array }[];
  text: string;
  /** Why there was no response, or why its body broke off. */
  error?: Error & { cause: { code?: string } };
  /** Whether the body came to a clean end. */
  ended: boolean;
}

export interface CallOptions extends Partial<SimulatorOptions> {
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Virtual time that passes. Default an hour. */
  waitMs?: number;
}

/** A 60-word answer, 15 ms a word, that goes wrong as it says. */
export function sixtyWords(...faults: string[]): string {
  return `instant?${["words=60&interval=15", ...faults.map((fault) => `fault=${fault}`)].join("&")}`;
}

/** Calls a simulator of its own and looks at what has come after an hour of virtual time. */
export async function callOnce(model: string, options: CallOptions = {}): Promise<Outcome> {
  return openCalls(options).call(model, options);
}

/** One simulator for several calls, one after the other. */
export function openCalls(options: Partial<SimulatorOptions> = {}) {
  const clock = createVirtualClock();
  const simulator = createSimulator({ clock, ...options });
  const call = async (model: string, { body, headers, waitMs = 3_600_000 }: CallOptions = {}): Promise<Outcome> => {
    const outcome: Outcome = { reads: [], text: "", ended: false };
    const leaving = new AbortController();
    const request = { model, messages: sky, stream: true, stream_options: { include_usage: true }, ...body };
    const startedAt = clock.elapsed();
    const reading = (async () => {
      const response = await simulator(url, post(request, { signal: leaving.signal, headers: headers ?? {} }));
      outcome.response = response;
      outcome.headersAt = clock.elapsed() - startedAt;
      for await (const bytes of response.body ?? []) outcome.reads.push({ at: clock.elapsed() - startedAt, bytes });
      outcome.ended = true;
    })().catch((error: unknown) => {
      if (!leaving.signal.aborted) outcome.error = error as Error & { cause: { code?: string } };
    });
    await clock.advance(waitMs);
    // Compression has threads of its own, which know nothing of virtual time.
    while (outcome.response?.headers.has("content-encoding") && !outcome.ended) await clock.advance(waitMs);
    outcome.text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      Buffer.concat(outcome.reads.map(({ bytes }) => bytes)),
    );
    leaving.abort();
    await reading;
    return outcome;
  };
  return { clock, simulator, call };
}

/** The answer's text of a body of `data:` lines; lines that cannot be parsed say nothing. */
export function spokenIn(text: string): string {
  return deltasIn(text).join("");
}

export function deltasIn(text: string): string[] {
  return text.split(/\r\n|\r|\n/).flatMap((line) => {
    try {
      const chunk = JSON.parse(line.replace(/^data: /, "")) as { choices?: { delta?: { content?: string } }[] };
      return chunk.choices?.[0]?.delta?.content || [];
    } catch {
      return [];
    }
  });
}

export function wordsIn(text: string): number {
  return spokenIn(text).split(/\s+/).filter(Boolean).length;
}
