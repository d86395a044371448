import type { Message } from "../../core/request.ts";
import { textOf } from "../../core/request.ts";
import { essay } from "./prose.ts";
import { SeededRandom } from "./random.ts";

// Of two, three and four bytes a character, so that every answer of some length can be cut within one.
const foreignWords = ["café", "naïve", "Ωmega", "東京", "смысл", "🌊", "señal", "日本語", "Ærø", "🧭✨"] as const;
const everyNth = 7;

/**
 * An answer of exactly so many words. It depends on what the user said and the seed only: all models say the same, so that
 * one of them can go on where another broke off.
 */
export function textOfWords(count: number, messages: readonly Message[], subject: string, seed: string): string {
  const said = messages.flatMap(({ role, content }) => (role === "user" ? [textOf(content)] : []));
  const random = new SeededRandom(JSON.stringify([said, seed])).fork("words");
  // Headings are left out, so twice as many are asked for.
  const words = essay(subject, count * 2 + 100, random)
    .replace(/^#.*$/gm, "")
    .replaceAll("*", "")
    .split(/\s+/)
    .filter((word) => word !== "");
  const kept = words.slice(0, count);
  for (let at = everyNth - 1; at < kept.length; at += everyNth) {
    kept[at] = foreignWords[((at + 1) / everyNth - 1) % foreignWords.length] ?? "café";
  }
  return kept.join(" ");
}

/** The same in other words, as far as a simulator has any: neighbours change places, so nothing longer is the same. */
export function inOtherWords(text: string): string {
  const words = text.split(/(\s+)/);
  for (let at = words[0] === "" ? 2 : 0; at + 2 < words.length; at += 4) {
    const word = words[at] ?? "";
    words[at] = words[at + 2] ?? "";
    words[at + 2] = word;
  }
  return words.join("");
}

/** The end of a text, so many words of it. */
export function lastWords(text: string, count: number): string {
  const words = text.split(/(?<=\s)(?=\S)/);
  return words.slice(-count).join("");
}
