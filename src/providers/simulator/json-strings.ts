import type { JsonObject } from "../../core/json.ts";
import type { SampleSource } from "./json-sample.ts";
import type { SeededRandom } from "./random.ts";
import { capitalized } from "./topic.ts";

/** A string for a property: by its format, else by its pattern, else by what its name says. */
export function sampleString(
  schema: JsonObject,
  { key, item }: { key: string; item: number },
  source: SampleSource,
): string {
  const format = typeof schema["format"] === "string" ? formats[schema["format"]]?.(source.random) : undefined;
  if (format !== undefined) return format;
  const text = byName(key, item + source.index, source);
  const pattern = typeof schema["pattern"] === "string" ? readPattern(schema["pattern"]) : undefined;
  const fitting =
    pattern === undefined || pattern.test(text)
      ? text
      : (patternSamples.find((sample) => pattern.test(sample)) ?? text);
  return withinLength(fitting, schema);
}

const formats: Readonly<Record<string, (random: SeededRandom) => string>> = {
  "date-time": (random) => `${day(random)}T09:30:00Z`,
  date: day,
  time: () => "09:30:00Z",
  duration: () => "PT30M",
  email: () => "ada@example.com",
  "idn-email": () => "ada@example.com",
  hostname: () => "example.com",
  ipv4: () => "192.0.2.17",
  ipv6: () => "2001:db8::17",
  uri: () => "https://example.com/",
  url: () => "https://example.com/",
  "uri-reference": () => "/example",
  uuid: (random) =>
    "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => Math.floor(random.number() * 16).toString(16)),
  byte: () => "aGVsbG8=",
  base64: () => "aGVsbG8=",
};

function day(random: SeededRandom): string {
  const part = (count: number) => String(Math.floor(random.number() * count) + 1).padStart(2, "0");
  return `2026-${part(12)}-${part(28)}`;
}

const patternSamples = [
  "A",
  "a",
  "1",
  "12",
  "123",
  "1234",
  "12345",
  "AB",
  "ab",
  "ABC",
  "abc",
  "ABC-123",
  "AB1234",
  "abc-def",
  "abc_def",
  "a1",
  "#336699",
  "+15550100",
  "09:30",
  "2026-01-15",
  "10:30:00",
  "1.0.0",
  "v1.0.0",
  "0.5",
  "en",
  "en-US",
  "https://example.com/",
  "ada@example.com",
  "user_1",
  "/path",
] as const;

function readPattern(text: string): RegExp | undefined {
  try {
    return new RegExp(text, "u");
  } catch {
    // Some dialects have more than JavaScript's; then there is nothing to check against.
    return undefined;
  }
}

const byNames: readonly (readonly [name: RegExp, make: (source: SampleSource, index: number) => string | undefined])[] =
  [
    [
      /city|location|place|town|destination|origin|address|where/i,
      ({ prompt }, index) => placesIn(prompt)[index] ?? placesIn(prompt).at(-1) ?? "Paris",
    ],
    [/country/i, ({ prompt }, index) => placesIn(prompt)[index] ?? "France"],
    [/e-?mail/i, () => "ada@example.com"],
    [/phone/i, () => "+15550100"],
    [/url|link|href/i, () => "https://example.com/"],
    [/date|^day$/i, ({ prompt, random }) => weekday.exec(prompt)?.[0] ?? day(random)],
    [/(^|_)time$|Time$/, () => "09:30"],
    [/timezone/i, () => "Europe/Paris"],
    [/currency/i, () => "EUR"],
    [/^lang/i, () => "en"],
    [/colou?r/i, () => "blue"],
    [/unit/i, () => "celsius"],
    [/(^|_)id$|Id$/, ({ random }) => random.id(10)],
    [/expression|formula|equation|calculation/i, ({ prompt }) => /[\d(][\d\s.()+*/^x-]*\d\)?/.exec(prompt)?.[0].trim()],
    [/question|query|prompt|search|^q$/i, ({ part }) => part],
    [
      /name|person|people|author|participant|attendee|user|recipient|^to$/i,
      ({ prompt, subject }, index) => namesIn(prompt)[index] ?? capitalized(subject),
    ],
    [/title|topic|subject|category|tag|keyword|label/i, ({ subject }) => capitalized(subject)],
  ];

function byName(key: string, index: number, source: SampleSource): string {
  for (const [name, make] of byNames) {
    const made = name.test(key) ? make(source, index) : undefined;
    if (made !== undefined && made !== "") return made;
  }
  const { sentences, part, subject } = source;
  if (sentences !== undefined && sentences.length > 0)
    return sentences[hashOf(key, index) % sentences.length] ?? subject;
  return /text|message|content|body|input|description|note|reason|summary|comment/i.test(key) || key === ""
    ? part
    : subject;
}

/** Different fields take different sentences, the same one always the same; the first fields in reading order come first. */
function hashOf(key: string, index: number): number {
  return /answer|summary|final|conclusion/i.test(key) ? 0 : key.length + index;
}

const weekday = /\b(?:to(?:day|morrow|night)|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b/i;
const notNames =
  /^(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december|i|what|who|how|why|when|where|which|please|can|could|the|a|is|are|do|does|find|get|look|tell|give|show|write|call|use|extract|create|make|book|send|schedule|add|set|list|search|and)$/i;

function placesIn(prompt: string): string[] {
  const capital =
    /(?:\b(?:in|to|from|for|at|near|of|and|or|between|visit)|,)\s+(\p{Lu}[\p{L}'-]*(?:\s\p{Lu}[\p{L}'-]*)*)/gu;
  const found = [...prompt.matchAll(capital)].flatMap(([, place]) =>
    place === undefined || notNames.test(place) ? [] : [place],
  );
  if (found.length > 0) return found;
  const small = [...prompt.matchAll(/\b(?:in|for|at|near) (?!the\b|a\b|an\b)(\p{L}+)(?: and (\p{L}+))?/gu)];
  return small.flatMap(([, ...places]) => places.filter((place) => place !== undefined).map(capitalized));
}

function namesIn(prompt: string): string[] {
  return (prompt.match(/\p{Lu}\p{L}+(?:\s\p{Lu}\p{L}+)*/gu) ?? []).filter((name) => !notNames.test(name));
}

function withinLength(text: string, { minLength, maxLength }: JsonObject): string {
  const characters = Array.from(text);
  const least = typeof minLength === "number" ? minLength : 0;
  while (characters.length < least) characters.push(...Array.from(characters.length === 0 ? "x" : ` ${text || "x"}`));
  return characters.slice(0, typeof maxLength === "number" ? Math.max(maxLength, 0) : undefined).join("");
}
