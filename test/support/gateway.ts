import { onTestFinished } from "vitest";

import type { ConfigInput, Headrace, Outside } from "../../src/index.ts";
import { createHeadrace, serve } from "../../src/index.ts";

export interface Gateway {
  url: string;
  headrace: Headrace;
  close(): Promise<void>;
}

/** A gateway on a free port, with its log in memory unless the configuration says otherwise. Closed with the test. */
export async function startGateway(config: ConfigInput = {}, outside: Outside = {}): Promise<Gateway> {
  const input = { log: { store: "memory" as const }, ...config };
  const headrace = await createHeadrace(input, { environment: {}, ...outside });
  const server = await serve(headrace, { port: 0 });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= server.close({ drainMs: 0 }));
  onTestFinished(close);
  return { url: server.url, headrace, close };
}

/** A generator model that says `words`, each when it is told to go on; `hold` stops it before a word. */
export function scriptedModel(words: readonly string[]) {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  let started = 0;
  let aborted = false;
  const model = async function* (_input: unknown, { signal }: { signal: AbortSignal }): AsyncGenerator<string> {
    started++;
    signal.addEventListener("abort", () => (aborted = true), { once: true });
    for (const [index, word] of words.entries()) {
      const gate = gates.get(index);
      if (gate !== undefined) await Promise.race([gate.promise, rejected(signal)]);
      yield word;
    }
  };
  return {
    model,
    get started() {
      return started;
    },
    get aborted() {
      return aborted;
    },
    /** The model waits before word `index` until the returned function is called. */
    hold(index: number): () => void {
      const gate = Promise.withResolvers<void>();
      gates.set(index, gate);
      return gate.resolve;
    },
  };
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** Frames of an SSE body as text, each with its blank line; comments are left out. */
export async function* readFrames(response: Response): AsyncGenerator<string, void, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes, { stream: true });
    const frames = rest.split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) if (!frame.startsWith(":")) yield `${frame}\n\n`;
  }
}

export function idOf(frame: string): string | undefined {
  return /^id: (.*)$/m.exec(frame)?.[1];
}

export async function allFrames(response: Response): Promise<string[]> {
  const frames: string[] = [];
  for await (const frame of readFrames(response)) frames.push(frame);
  return frames;
}

/** Resolves once `condition` holds, looking after each turn of the event loop; fails after ten seconds. */
export async function eventually(condition: () => boolean | Promise<boolean>, what = "the condition"): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ten seconds`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
