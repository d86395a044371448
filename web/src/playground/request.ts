import type { Json, JsonObject } from "../../../src/core/json.ts";
import { fieldsOf, type Settings } from "./settings.ts";

export interface Attachment {
  name: string;
  dataUrl: string;
}

export interface Said {
  text: string;
  images: readonly Attachment[];
}

export interface Turn {
  said: Said;
  /** What the model answered, once it did. */
  answer: string | undefined;
}

export interface AskedFor {
  model: string;
  turns: readonly Turn[];
  settings: Settings;
}

/** The body of an OpenAI Chat request, without `stream`. */
export function chatBody({ model, turns, settings }: AskedFor): JsonObject {
  const system = settings.system.trim();
  const messages: Json[] = system === "" ? [] : [{ role: "system", content: system }];
  for (const { said, answer } of turns) {
    messages.push({ role: "user", content: contentOf(said) });
    if (answer !== undefined) messages.push({ role: "assistant", content: answer });
  }
  return { model, messages, ...fieldsOf(settings) };
}

function contentOf({ text, images }: Said): Json {
  if (images.length === 0) return text;
  const parts = images.map(({ dataUrl }) => ({ type: "image_url", image_url: { url: dataUrl } }));
  return [{ type: "text", text }, ...parts];
}
