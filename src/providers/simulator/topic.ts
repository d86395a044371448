const hollow = new Set(
  `a an and are about after all also am any as at be been before best between but by can could did do does each else explain few for
  from get give good had has have help how i if in into is it its itself just know like list make many me more most much my name need no
  not of on one only or our please say show should simple so some tell than that the their them then there these they thing things this
  those to today too up us use using very want was way we were what when where which who why will with word words work works would write
  you your paragraph paragraphs essay detail details short long sentence sentences briefly example examples describe compare difference
  ideas i'm you're it's don't can't feel feeling really hello hi hey thanks`.split(/\s+/),
);

/** The words of a prompt that say what it is about, in order; those that stood together as one phrase. */
export function keyPhrasesOf(prompt: string): string[] {
  const phrases: string[][] = [[]];
  for (const [word] of prompt.matchAll(/[\p{L}\p{M}\p{N}+#'’-]+|[^\s]/gu)) {
    const isHollow = !/[\p{L}\p{N}]/u.test(word) || hollow.has(word.toLowerCase().replace("’", "'"));
    if (isHollow) phrases.push([]);
    else phrases.at(-1)?.push(word.replace(/['’]s$/, ""));
  }
  return phrases
    .filter((words) => words.some((word) => /\p{L}{2}/u.test(word)))
    .map((words) => words.slice(0, 4).join(" "));
}

const politeness =
  /^(?:(?:hi|hello|hey|ok|okay|so|now|and|please|could you|can you|would you|will you|i (?:want|need|would like|want you|would like you) to|help me(?: to)?|let's)[,!]?\s+)+/i;
const lastWords =
  /[\s,]+(?:please|briefly|(?:in|as) (?:json|markdown|detail|short|simple terms|plain words|plain english)|to a \w+|(?:in|with|using) (?:about |at least |around |exactly )?(?:[\d,]+|one|a|a single) (?:words?|sentences?|paragraphs?))$/i;
const amount = String.raw`(?:(?:a|an|the|some|me|us|exactly|about|at least|around|short|long|brief|detailed|funny|nice|simple|quick|good|[\d,]+)\s+)*`;
const work = String.raw`(?:[\w-]+\s+){0,2}?(?:words?|essay|text|article|poem|haiku|song|story|paragraphs?|sentences?|summary|report|post|ideas|tips|reasons|examples|ways|facts|list|overview|introduction|guide|plan)`;

// What can stand before a topic; the phrase that is left is the topic. The first pattern that fits counts.
const leads: readonly (readonly [lead: RegExp, shape: (rest: string) => string])[] = [
  [
    new RegExp(
      String.raw`^(?:write|compose|draft|create|give|generate|make|tell|list|name|show)\s+${amount}(?:${work}\s+)?(?:about|on|of|for|to|why|how)\s+`,
      "i",
    ),
    (rest) => rest,
  ],
  [
    /^(?:(?:explain|describe|summari[sz]e|discuss|outline|define|compare)(?: to me| me)?(?: in (?:simple|plain) (?:terms|words|english))?|tell me(?: more| something)?(?: about)?|i wonder|do you know)\s+(?=how|why)/i,
    (rest) => topicOf(isQuestion.test(rest) ? rest : `about ${rest}`),
  ],
  [
    /^(?:explain|describe|summari[sz]e|discuss|outline|introduce|define|compare|about|list|name)(?: to me| me)?(?: in (?:simple|plain) (?:terms|words|english))?(?: what)?(?: the (?:concept|idea|meaning) of)?(?: (?:some|\d+))?\s+/i,
    (rest) => rest,
  ],
  [/^how (?:(?:do|can|should|would|could) (?:i|we|you|one)|to)(?: best)?\s+/i, gerund],
  [/^how (?:do|did|can) /i, (rest) => `how ${rest}`],
  [/^why (?:do|did|can) /i, (rest) => `why ${rest}`],
  [/^how does /i, (rest) => `how ${thirdPerson(rest)}`],
  [/^why does /i, (rest) => `why ${thirdPerson(rest)}`],
  [/^why (?=(?:is|are|was|were) )/i, (rest) => `why ${verbLast(rest)}`],
  [
    /^(?:what(?:'s| is| are| was| were)|who(?:'s| is| are| was| were)|where (?:is|are)|when (?:is|was|are))(?: the (?:difference|differences) between| meant by)?\s+/i,
    (rest) => rest,
  ],
];
const isQuestion = /^(?:how|why) (?:do|does|did|is|are|was|were|can|could|should|would|to)\b/i;

/** The subject of a prompt as a phrase that fits after "about", such as "tidal power" or "how glaciers move". */
export function topicOf(prompt: string): string {
  const sentences = prompt
    .trim()
    .slice(0, 2000)
    .split(/(?<=[.?!])\s+|\n+/)
    .map(bare);
  for (const sentence of sentences) {
    for (const [lead, shape] of leads) {
      if (!lead.test(sentence)) continue;
      const topic = shape(
        sentence.replace(lead, "").replace(/\s+works?$/i, (word) => (/\bhow\b/i.test(sentence) ? word : "")),
      );
      if (topic !== "" && topic.split(/\s+/).length <= 8 && keyPhrasesOf(topic).length > 0) return topic;
    }
  }
  // The longest phrase says the most.
  return sentences.flatMap(keyPhrasesOf).reduce((best, phrase) => (phrase.length > best.length ? phrase : best), "");
}

function bare(sentence: string): string {
  const trimmed = sentence
    .trim()
    .replace(/[\s.?!:;,]+$/, "")
    .replace(politeness, "");
  return trimmed.replace(lastWords, "").replace(lastWords, "");
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "bake bread" as "baking bread". */
function gerund(phrase: string): string {
  const [verb = "", ...rest] = phrase.split(/\s+/);
  const stem = verb.endsWith("ie")
    ? verb.replace(/ie$/, "y")
    : /[^aeiou]e$|ue$/.test(verb) && verb.length > 2
      ? verb.slice(0, -1)
      : /^[^aeiou]*[aeiou][^aeiouwxy]$/.test(verb)
        ? verb + verb.slice(-1)
        : verb;
  return [`${stem}ing`, ...rest].join(" ");
}

/** "bread rise" as "bread rises"; the verb of longer phrases is anybody's guess, so they keep a "does". */
function thirdPerson(phrase: string): string {
  const words = phrase.split(/\s+/);
  const article = /^(?:the|a|an|my|your|our)$/i.test(words[0] ?? "") ? 1 : 0;
  const last = words.at(-1) ?? "";
  if (words.length > 3 + article && last !== "work")
    return `${words.slice(0, article + 1).join(" ")} does ${words.slice(article + 1).join(" ")}`;
  const verb = /(?:s|sh|ch|x|o)$/.test(last) ? `${last}es` : last.replace(/(?<=[^aeiou])y$/, "ie") + "s";
  return [...words.slice(0, -1), verb].join(" ");
}

/** "is the sea salty" as "the sea is salty". */
function verbLast(phrase: string): string {
  const [verb = "", ...words] = phrase.split(/\s+/);
  const article = /^(?:the|a|an|my|your|our|some|most|all|there|it|they|we|people)$/i.test(words[0] ?? "") ? 1 : 0;
  const at = words.length > 3 ? article + 1 : Math.max(words.length - 1, 1);
  return [...words.slice(0, at), verb, ...words.slice(at)].join(" ");
}
