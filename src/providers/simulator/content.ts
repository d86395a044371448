import { HeadraceError } from "../../core/errors.ts";
import type { GenerateRequest, Message, ToolDefinition } from "../../core/request.ts";
import { textOf } from "../../core/request.ts";
import { answerText, subjectOf } from "./answer-text.ts";
import { type Begun, findBegun } from "./begun.ts";
import type { SampleSource } from "./json-sample.ts";
import { sampleJson } from "./json-sample.ts";
import { models } from "./models.ts";
import { SeededRandom } from "./random.ts";
import { reasoningText } from "./reasoning.ts";
import { inOtherWords, lastWords, textOfWords } from "./words.ts";

export interface SimulatedCall {
  kind: "function" | "custom";
  callId: string;
  name: string;
  argumentsText: string;
}

/** What a choice would say if nothing limited it. */
export interface Content {
  reasoning: string;
  text: string;
  calls: readonly SimulatedCall[];
}

/** What a request asks of the answer besides what its protocol can say. */
export interface Manner {
  /** Exactly so many words of text. */
  words?: number;
  /** What is done to a begun answer that should be continued. Default: it is continued. */
  continuing?: "restart" | "paraphrase" | "repeat";
  /** With `repeat`: how many of the words before are said again. */
  repeatedWords?: number;
}

/**
 * Makes up an answer.
 *
 * It depends on the model, the messages, and the seed only: a request that also has the first part of that answer as
 * its last message, or asks to repeat the last words of that part, is answered with the rest.
 *
 * @throws HeadraceError `invalid-request` - `tool_choice` names a tool that is not there.
 */
export function contentOf(request: GenerateRequest, choice: number, baseSeed: string, manner: Manner): Content {
  const begun = findBegun(request.messages);
  const asked = { ...request, messages: begun?.messages ?? request.messages };
  const { messages } = asked;
  const speaker: Speaker = { asked, choice, baseSeed, manner };
  const random = randomFor(asked, choice, baseSeed);
  const { tools = [], toolChoice = "auto", reasoningEffort = thinks(request) ? "medium" : "none" } = request;
  const isRestart = manner.continuing === "restart";
  if (begun !== undefined && !isRestart) return { reasoning: "", text: continued(begun, speaker), calls: [] };

  const reasoning = reasoningText(subjectOf(messages), reasoningEffort, random.fork("reasoning"));
  const hasResult = messages.at(-1)?.content.some(({ type }) => type === "tool-result") ?? false;
  if (tools.length > 0 && toolChoice !== "none" && !hasResult) {
    return { reasoning, text: "", calls: callsFor(asked, tools, random.fork("calls")) };
  }
  const text = textFor(speaker, random);
  return { reasoning, text: manner.continuing === "paraphrase" ? inOtherWords(text) : text, calls: [] };
}

/** Who says something, and to what. */
interface Speaker {
  asked: GenerateRequest;
  choice: number;
  baseSeed: string;
  manner: Manner;
}

/** Where no effort is named, thoughts are a matter of the model, or of a budget for them. */
function thinks({ model, reasoningBudgetTokens, reasoningSummary }: GenerateRequest): boolean {
  if (reasoningBudgetTokens !== undefined) return reasoningBudgetTokens > 0;
  return reasoningSummary !== undefined || models[model]?.reasons === true;
}

function randomFor({ model, messages, seed }: GenerateRequest, choice: number, baseSeed: string): SeededRandom {
  const said = messages.map(({ role, content }) => [role, content]);
  return new SeededRandom(JSON.stringify([model, said, seed ?? baseSeed])).fork(choice);
}

function textFor({ asked, baseSeed, manner }: Speaker, random: SeededRandom): string {
  const { messages, responseFormat, seed } = asked;
  if (manner.words !== undefined) {
    return textOfWords(manner.words, messages, subjectOf(messages), String(seed ?? baseSeed));
  }
  const text = answerText(messages, random.fork("text"));
  if (responseFormat === undefined || responseFormat.type === "text") return text;
  const plain = text
    .replace(/^#+ .*$|^\|.*$|^```[^]*?^```$|[*`_]|^- |^\d+\. /gm, "")
    .replace(/\s+/g, " ")
    .trim();
  const sentences = plain.match(/.+?[.!?](?=\s|$)|.+$/g)?.map((sentence) => sentence.trim()) ?? [plain];
  const subject = subjectOf(messages);
  if (responseFormat.type === "json")
    return JSON.stringify({ topic: subject, answer: sentences.slice(0, 3).join(" "), details: sentences.slice(3, 6) });
  const prompt = lastUserText(messages);
  const source: SampleSource = { prompt, part: prompt, index: 0, subject, sentences, random: random.fork("json") };
  return JSON.stringify(sampleJson(responseFormat.schema, source));
}

/** The words that were to be repeated, and the rest. */
function continued(begun: Begun, speaker: Speaker): string {
  const { manner } = speaker;
  const rest = restOf(begun, speaker);
  if (manner.continuing === "repeat") return lastWords(begun.said ?? "", manner.repeatedWords ?? 8) + rest;
  return manner.continuing === "paraphrase" ? inOtherWords(begun.echo + rest) : begun.echo + rest;
}

/**
 * Where the begun answer is ours, or another simulated model's, its rest; else something that fits behind it. Other
 * models count because whoever continues a broken answer may well ask another one.
 */
function restOf({ said, echo }: Begun, { asked, choice, baseSeed, manner }: Speaker): string {
  for (const model of new Set([asked.model, ...Object.keys(models)])) {
    const speaker = { asked: { ...asked, model }, choice, baseSeed, manner };
    const text = textFor(speaker, randomFor(speaker.asked, choice, baseSeed));
    if (said !== undefined && text.startsWith(said)) return text.slice(said.length);
    const at = said === undefined ? text.lastIndexOf(echo) : -1;
    if (at >= 0) return text.slice(at + echo.length);
  }
  const before = said ?? echo;
  const subject = subjectOf(asked.messages);
  const bridge = /[.!?:]["'”)*]*\s*$/.test(before) ? `There is more to say about ${subject}, but` : "and so on:";
  const space = /\s$/.test(before) ? "" : " ";
  return `${space}${bridge} the core of it stays the same. Start with a small case, change one thing at a time, and see what follows.`;
}

/** One call, or two when the prompt asks for one thing "and" another. */
function callsFor(request: GenerateRequest, tools: readonly ToolDefinition[], random: SeededRandom): SimulatedCall[] {
  const { toolChoice, parallelToolCalls = true, messages } = request;
  const wanted = typeof toolChoice === "object" ? toolChoice.name : undefined;
  const first = wanted === undefined ? tools[0] : tools.find(({ name }) => name === wanted);
  if (first === undefined) {
    const known = tools.map(({ name }) => name).join(", ");
    throw new HeadraceError("invalid-request", `\`tool_choice\` names "${wanted}", but the tools are ${known}`, {
      param: "tool_choice",
    });
  }
  const prompt = lastUserText(messages);
  const parts = parallelToolCalls ? prompt.split(/ and /i).slice(0, 2) : [prompt];
  return parts.map((part, index) => {
    const tool =
      index === 0 || wanted !== undefined ? first : (tools.find(({ name }) => isNamedIn(name, part)) ?? first);
    const subject = subjectOf([{ role: "user", content: [{ type: "text", text: part }] }]);
    const source: SampleSource = {
      prompt,
      part: parts.length === 1 ? prompt : part,
      index,
      subject,
      random: random.fork(index),
    };
    const argumentsText =
      tool.kind === "custom" ? source.part : JSON.stringify(sampleJson({ type: "object", ...tool.parameters }, source));
    return { kind: tool.kind, callId: `call_${random.id(24)}`, name: tool.name, argumentsText };
  });
}

/** Whether a prompt mentions what a tool is called after: `send_email` in "and email Bob". */
function isNamedIn(toolName: string, prompt: string): boolean {
  const words = toolName
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
  const lower = prompt.toLowerCase();
  return words.some((word) => word.length > 3 && lower.includes(word));
}

function lastUserText(messages: readonly Message[]): string {
  return textOf(messages.findLast(({ role }) => role === "user")?.content ?? []);
}
