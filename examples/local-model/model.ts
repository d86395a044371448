// Users write: import type { UserModel } from "headrace";
import type { UserModel } from "../../src/index.ts";
import type { LlamaContext, LlamaModel, Token } from "./engine.ts";

/** What llama.cpp is doing, for whoever wants to see it stop. */
export interface Meter {
  sampledTokens: number;
  /** Answers being sampled now. */
  running: number;
  /** `performance.now()` at the latest token. */
  lastTokenAt: number;
}

/**
 * Makes a model of Headrace out of a model of llama.cpp.
 *
 * llama.cpp samples the next token when it is asked for, so an answer that nobody wants any more costs nothing: Headrace
 * aborts the signal, the loop ends, and with it the sampling.
 */
export function createLocalModel(model: LlamaModel, context: LlamaContext, meter: Meter): UserModel {
  return async function* ({ prompt, maxOutputTokens = Infinity, temperature = 0.8, seed, signal }) {
    const input = model.tokenize(`${prompt}\n`).slice(-256);
    const sequence = context.getSequence();
    meter.running++;
    try {
      const options = seed === undefined ? { temperature } : { temperature, seed };
      let sampled = 0;
      let before: Token[] = [];
      let unwritten: Token[] = [];
      for await (const token of sequence.evaluate(input, options)) {
        meter.sampledTokens++;
        meter.lastTokenAt = performance.now();
        if (signal.aborted) return;
        sampled++;
        unwritten.push(token);
        const text = model.detokenize(unwritten, false, before);
        // A character may take several tokens; until the last of them it reads as U+FFFD.
        if (!text.endsWith("\uFFFD")) {
          yield text;
          before = unwritten;
          unwritten = [];
        }
        if (sampled >= maxOutputTokens) {
          yield { type: "finish", reason: "length" };
          break;
        }
      }
      yield { type: "usage", usage: { inputTokens: input.length, outputTokens: sampled } };
    } finally {
      sequence.dispose();
      meter.running--;
    }
  };
}
