import type { SeededRandom } from "./random.ts";
import { capitalized } from "./topic.ts";

type Pool = readonly [string, ...string[]];

// T is the topic. No sentence makes it its subject, so singular and plural both fit, and whole clauses too.
const openings: Pool = [
  "The quickest way into *T* is a plain question: what would be different without it?",
  "There is a short answer to *T* and a useful one; here is the useful one.",
  "It pays to look at *T* from three sides: what goes in, what happens, and what comes out.",
  "Most confusion about *T* comes from mixing up causes with conditions.",
  "A good picture of *T* needs fewer parts than one would think.",
  "Many people come across *T* in the middle, so let us start at the beginning instead.",
];

// Aspects that nearly everything has, with something to say that holds for nearly everything.
const aspects: readonly (readonly [name: string, ...Pool])[] = [
  [
    "The core idea",
    "Behind it there is one simple relation, repeated many times; once you see it, the details fall into place.",
    "Take away everything that could be different from case to case, and what remains is the part to remember.",
    "Something is given up on purpose, and something more valuable is gained; ask what, and you have the heart of it.",
  ],
  [
    "How it comes about",
    "Each stage takes what the last one left and changes only a little of it.",
    "Many small causes add up to the result, and few of them are visible on their own.",
    "The order matters: the same steps in another order lead somewhere else.",
  ],
  [
    "Why it matters",
    "Anyone who understands T can predict what happens next, and that is worth more than a definition.",
    "Small changes here tend to have large effects elsewhere, which is why people keep coming back to it.",
    "Early decisions are cheap and late ones expensive, so a little knowledge at the start goes a long way.",
  ],
  [
    "A way to picture it",
    "Take the smallest case that still shows the effect, and change one thing at a time.",
    "Imagine explaining it to a friend with nothing but a pencil: whatever you draw first is probably the essential part.",
    "Put two cases side by side that differ in a single point; the difference teaches more than either of them.",
  ],
  [
    "What is often missed",
    "The exceptions are not noise; they show where the simple explanation ends.",
    "What is easy to measure and what is important are seldom the same.",
    "Time is easily left out: what is true at first need not be true later.",
  ],
  [
    "Limits",
    "No account of T covers everything; a good one says where it stops.",
    "Past a certain size other effects take over, because what was negligible begins to add up.",
    "In the real world friction, cost and habit decide as much as theory does.",
  ],
  [
    "Where it comes from",
    "The first thoughts about it were practical ones; the theory came later and explained why they had worked.",
    "Views have changed more than once, and each change kept most of what was known before.",
    "Some of the words we use for it are older than our understanding, which explains a few odd names.",
  ],
  [
    "In practice",
    "People with experience start small, write down what they expect, and compare it with what they get.",
    "A checklist helps: what is given, what is wanted, what may change, and how one would notice a mistake.",
    "When things turn out differently than expected, the cause is most often an assumption that nobody wrote down.",
  ],
];

const closings: Pool = [
  "From here, the best next step is a small example of your own.",
  "That is the outline. Ask about any of these points, and I will go on there.",
  "With that, you know enough about T to ask the better questions.",
];

const steps: Pool = [
  "**Say what done looks like.** Write one sentence about T that a stranger could check.",
  "**Start with the smallest version.** It should take an hour and show whether the idea holds.",
  "**Change one thing at a time.** Otherwise you will not know which change helped.",
  "**Measure, do not guess.** Pick one number that tells whether things are getting better.",
  "**Ask someone who has done it.** Ten minutes with them save a day.",
  "**Leave room for surprises.** Plan for half of what seems possible, and enjoy the other half.",
  "**Write down what you learned.** The next attempt begins where this one ended.",
];

const verses: Pool = [
  "I went to look for T one day,\nand took the long and winding way;\nthe hills were high, the light was low,\nand there was nowhere else to go.\n\nI asked the wind, I asked the rain,\nI asked the late and early train;\nand each one said, as each one knew:\n*What you are looking for finds you.*",
  "Of T there's much that could be said,\nbut let me say it small instead:\na thing is never what it seems;\nit has its edges and its dreams.\n\nSo hold it gently, turn it round,\nand listen: it may make a sound,\na single note, then two, then more,\nlike water underneath a door.",
];

const stories: Pool = [
  "Once upon a time, in a valley with a mill, people told a story about T.\n\nNobody believed it, except for one girl who swept the mill. Every night she opened the sluice a finger's width and listened. *Water knows the way*, her grandmother had said; *you only have to keep the channel clear.*\n\nOne winter the stream broke off in the middle of a sentence. The whole village held its breath. The girl took her lantern, walked up the channel, and found a single branch across it. She lifted it out, and the water went on exactly where it had stopped.\n\nFrom then on, everyone believed the story. The girl just kept listening.",
];

const fill = (sentence: string, topic: string) => sentence.replace(/\bT\b/g, () => topic);
const titled = (topic: string) => capitalized(topic.replace(/^(?:an?|the)\s+(?=\S)/i, ""));

/** A short explanation in markdown: an opening, some aspects as a list or as sections, an end. */
export function explanation(topic: string, random: SeededRandom): string {
  const chosen = random.shuffle(aspects).slice(0, random.number() < 0.5 ? 3 : 4);
  const asList = random.number() < 0.5;
  const parts = chosen.map(([name, ...pool]) => {
    const sentence = fill(random.pick(pool), topic);
    return asList ? `- **${name}.** ${sentence}` : `### ${name}\n${sentence}`;
  });
  const body = parts.join(asList ? "\n" : "\n\n");
  return `## ${titled(topic)}\n\n${fill(random.pick(openings), topic)}\n\n${body}\n\n${fill(random.pick(closings), topic)}`;
}

/** Numbered steps towards something. */
export function instructions(topic: string, random: SeededRandom): string {
  const [first, ...others] = steps;
  const list = [first, ...random.shuffle(others.slice(0, -1)).slice(0, 3), others.at(-1) ?? ""];
  const numbered = list.map((step, index) => `${index + 1}. ${fill(step, topic)}`).join("\n");
  return `A way that works for *${topic}*, and for most things that are worth doing:\n\n${numbered}\n\nGo slowly through the first two; the rest gets faster by itself.`;
}

/** What sets two things apart, as a table. */
export function comparison(one: string, other: string, random: SeededRandom): string {
  const rows = random.shuffle([
    ["Strong when", "the case is known in advance", "things change on the way"],
    ["Costs", "more at the start", "more over time"],
    ["Goes wrong", "rarely, but all at once", "more often, but gently"],
    ["Easy to", "explain", "extend"],
    ["Asks for", "a decision early on", "attention all along"],
  ]);
  const table = rows
    .slice(0, 4)
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
  return `Between *${one}* and *${other}* it is rarely about better or worse; it is about what you want to be easy.\n\n| | ${titled(one)} | ${titled(other)} |\n|---|---|---|\n${table}\n\nIf you cannot tell yet, start with whichever is easier to undo. (As a simulator I know the shape of a good comparison better than the facts, so check them before you rely on them.)`;
}

/** As many list items as asked for. */
export function listing(topic: string, count: number, random: SeededRandom): string {
  const order = random.shuffle(aspects);
  const items = Array.from({ length: count }, (_, index) => {
    const [name, ...pool] = order[index % order.length] ?? aspects[0] ?? ["", ""];
    const round = Math.floor(index / order.length);
    const heading = round === 0 ? name : `${name}, continued`;
    return `${index + 1}. **${heading}.** ${fill(pool[round % pool.length] ?? pool[0], topic)}`;
  });
  return `${count === 1 ? "One thing" : `${count} things`} to know about *${topic}*:\n\n${items.join("\n")}`;
}

/** A text of about that many words, in sections, that ends with a whole sentence. */
export function essay(topic: string, wordCount: number, random: SeededRandom): string {
  let text = `# ${titled(topic)}\n\n${fill(random.pick(openings), topic)}`;
  let length = countWords(text);
  for (let part = 1; length < wordCount; part++) {
    for (const [name, ...pool] of random.shuffle(aspects)) {
      if (length >= wordCount) break;
      let section = `\n\n## ${part === 1 ? name : `${name}, continued`}\n\n`;
      for (const sentence of random.shuffle(pool)) {
        if (length + countWords(section) < wordCount) section += `${fill(sentence, topic)} `;
      }
      text += section.trimEnd();
      length += countWords(section);
    }
  }
  return text;
}

const countWords = (text: string) => text.match(/[^\s#*]\S*/g)?.length ?? 0;

export const poem = (topic: string, random: SeededRandom) => fill(random.pick(verses), topic);

export const story = (topic: string, random: SeededRandom) => fill(random.pick(stories), topic);

/** For people of whom nothing is known here: better no facts than made-up ones. */
export function stranger(name: string): string {
  return `I would rather not make up facts about *${name}*: I am the built-in simulator, and I only know a few dozen things by heart.\n\nA real model will know. Set a provider's key, send the same request, and the answer arrives over the very same stream. Until then, try me with *"Why is the sky blue?"*, a sum, a tool call, or a JSON schema.`;
}

/** For those who say something rather than ask. */
export function reply(topic: string, random: SeededRandom): string {
  const echo = random.pick([
    `You mention *${topic}*.`,
    `So this is about *${topic}*.`,
    `*${capitalized(topic)}*, I see.`,
  ]);
  return `${echo} ${random.pick(["I am listening.", "Thank you for telling me.", "That deserves a careful answer."])} Would an explanation help, some steps to try, or just a few questions to think about? Say which, and I will write it down for you, one token at a time.`;
}
