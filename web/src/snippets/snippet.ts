import type { JsonObject } from "../../../src/core/json.ts";

export interface SnippetOptions {
  origin: string;
  /** The gateway asks for a key: which one is never written into a snippet. */
  hasKey: boolean;
}

/** Writes a program that makes a Chat Completions request, as far as the program's protocol goes. */
export type SnippetWriter = (body: JsonObject, options: SnippetOptions) => string;

/** The key as an expression of JavaScript. */
export function keyInCode({ hasKey }: SnippetOptions): string {
  return hasKey ? "process.env.HEADRACE_API_KEY" : '"none"';
}
