import type { Message } from "../../core/request.ts";
import { textOf } from "../../core/request.ts";
import { codeAnswer } from "./code.ts";
import { comparison, essay, explanation, instructions, listing, poem, reply, story, stranger } from "./prose.ts";
import type { SeededRandom } from "./random.ts";
import { directAnswer } from "./small-talk.ts";
import { keyPhrasesOf, topicOf } from "./topic.ts";

/** What the conversation is about, in a few words; an earlier question counts when the last one names nothing. */
export function subjectOf(messages: readonly Message[]): string {
  for (const { role, content } of messages.toReversed()) {
    const topic = role === "user" ? topicOf(textOf(content)) : "";
    if (topic !== "") return topic;
  }
  return "your question";
}

/** The text that answers a conversation: the same conversation and random numbers, the same text. */
export function answerText(messages: readonly Message[], random: SeededRandom): string {
  const last = messages.at(-1);
  if (last?.role === "tool") return reportResults(messages);
  const question = textOf(messages.findLast(({ role }) => role === "user")?.content ?? []);
  const text =
    remembered(question, messages) ?? directAnswer(question, random) ?? written(question, subjectOf(messages), random);
  const manner = messages
    .map(({ role, content }) => (role === "system" || role === "developer" ? textOf(content) : ""))
    .join(" ");
  return shortened(text, `${manner} ${question}`.toLowerCase());
}

function written(question: string, topic: string, random: SeededRandom): string {
  const lower = question.toLowerCase();
  const wordCount = Number(/\b(\d{1,2},?\d{3}|\d{2,3})[- ]words?\b/.exec(lower)?.[1]?.replace(",", "") ?? 0);
  if (wordCount > 0) return essay(topic, Math.min(wordCount, 10_000), random);
  const code = codeAnswer(question);
  if (code !== undefined) return code;
  const pair =
    /\b(?:between|compare) (.{2,40}?) (?:and|with|to) (.{2,40}?)[?.!]*$|\b(\S{2,30}) (?:vs\.?|versus) (\S{2,30}?)[?.!]*$/i.exec(
      question,
    );
  if (pair !== null) return comparison(pair[1] ?? pair[3] ?? "", pair[2] ?? pair[4] ?? "", random);
  const count = Number(/\b(?:list|give|name|write|top|show)\b.*?\b(\d{1,2})\b/.exec(lower)?.[1] ?? 0);
  if (count > 0) return listing(topic, count, random);
  if (/\b(essay|article|in detail|long (text|answer|story)|at length|comprehensive)\b/.test(lower))
    return essay(topic, 350, random);
  if (/\bpoem\b|\bverses?\b/.test(lower)) return poem(topic, random);
  if (/\bstory\b|\btale\b/.test(lower)) return story(topic, random);
  if (/^who(?:'s| is| was)\b|^tell me about \p{Lu}\S+ \p{Lu}/iu.test(lower) && /\p{Lu}/u.test(topic))
    return stranger(topic);
  if (/^(i|i'm|i am|i've|my|we|our|it|it's|there)\b/.test(lower) && !lower.includes("?")) return reply(topic, random);
  if (/\bhow (do|can|should|would) (i|we|you|one)\b|\bhow to\b|\bsteps\b|\bplan\b|\btips\b/.test(lower))
    return instructions(topic, random);
  return explanation(topic, random);
}

function remembered(question: string, messages: readonly Message[]): string | undefined {
  if (!/\b(what(?:'s| is)|remember|know) my name\b/i.test(question)) return undefined;
  for (const { role, content } of messages.toReversed()) {
    const name =
      role === "user" ? /\b(?:my name is|i am called|call me) ([\p{L}'-]+)/iu.exec(textOf(content))?.[1] : undefined;
    if (name !== undefined) return `Your name is ${name}; you told me earlier.`;
  }
  return "You have not told me yet. What is it?";
}

function shortened(text: string, wishes: string): string {
  const plain = () => text.replace(/^#+ .*\n+/gm, "");
  if (/\b(one|single|1)[- ]word\b/.test(wishes))
    return /\*\*([^*\s]+)\*\*/.exec(text)?.[1] ?? keyPhrasesOf(plain())[0]?.split(" ")[0] ?? "Yes";
  if (/\b(one|a single|1)[- ](short )?sentence\b/.test(wishes)) return /^.+?[.!?](?=\s|$)/s.exec(plain())?.[0] ?? text;
  if (/\b(one|a single|1)[- ](short )?paragraph\b|\bbriefly\b|\bbe (brief|concise)\b/.test(wishes))
    return plain().split("\n\n")[0] ?? text;
  return text;
}

/** Says what the tools found, in the words of their results. */
function reportResults(messages: readonly Message[]): string {
  const calls = new Map<string, { name: string; argumentsText: string }>();
  for (const part of messages.flatMap(({ content }) => content))
    if (part.type === "tool-call") calls.set(part.callId, part);
  const from = messages.findLastIndex(({ role }) => role !== "tool") + 1;
  const lines = messages
    .slice(from)
    .flatMap(({ content }) => content)
    .flatMap((part) => {
      if (part.type !== "tool-result") return [];
      const call = calls.get(part.callId);
      const about = readable(call?.argumentsText ?? "");
      const name = part.name ?? call?.name ?? "the tool";
      return `- **${name}**${about === "" ? "" : ` (${about})`}: ${readable(textOf(part.content)) || "no result"}`;
    });
  return `Here is what I found:\n\n${lines.join("\n")}\n\nLet me know if you want me to look anything else up.`;
}

/** JSON as a person would write it: `temperature 18, sky clear`. */
function readable(text: string): string {
  const trimmed = text.trim();
  if (!/^[[{"]/.test(trimmed)) return trimmed;
  try {
    return describe(JSON.parse(trimmed)).slice(0, 1000);
  } catch {
    // Not JSON after all: a tool may answer in any words it likes.
    return trimmed;
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return value.map(describe).join("; ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key.replaceAll("_", " ")} ${describe(inner)}`)
    .join(", ");
}
