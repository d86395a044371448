import { capitals, famousAnswers } from "./facts.ts";
import type { SeededRandom } from "./random.ts";

/** What there is to say beyond an essay; undefined when the prompt is none of these. */
export function directAnswer(prompt: string, random: SeededRandom): string | undefined {
  const lower = prompt.toLowerCase().trim();
  return (
    repeated(prompt) ??
    counted(lower) ??
    calculated(lower) ??
    letters(lower) ??
    prime(lower) ??
    capital(lower) ??
    chat(lower, random) ??
    famous(lower)
  );
}

function repeated(prompt: string): string | undefined {
  const times = /\b(?:exactly )?(\d{1,3}) times\b/i.exec(prompt);
  const match =
    /^(?:please )?(?:just )?(?:say|repeat|echo|(?:reply|respond|answer)(?: only| just)? with)(?: after me| the words?| exactly| only| just| \d{1,3} times)*:?\s+(.+)$/is.exec(
      prompt.trim(),
    );
  const wanted = match?.[1]?.replace(/,?\s*(?:exactly )?\d{1,3} times[.!]?$/i, "").trim();
  if (wanted === undefined || wanted === "" || /^(something|anything|that|this|it|what|why|how)\b/i.test(wanted))
    return undefined;
  const quoted = /^(["'“«`])(.*?)["'”»`]( and nothing else| only)?[.!]?$/s.exec(wanted)?.[2];
  const text = quoted ?? wanted.replace(/,? and nothing else\.?$/i, "");
  return times === null
    ? text
    : Array<string>(Math.max(1, Number(times[1])))
        .fill(text)
        .join(" ");
}

function counted(prompt: string): string | undefined {
  const match = /\bcount\b(?: up| down| backwards)?(?: from (\d{1,4}))?(?: (?:down )?to (\d{1,4}))?/.exec(prompt);
  if (match === null || (match[1] ?? match[2]) === undefined) return undefined;
  const down = /\bdown\b|\bbackwards\b/.test(prompt);
  const from = Number(match[1] ?? (down ? 10 : 1));
  const to = Number(match[2] ?? (down ? 0 : from + 9));
  const step = to < from ? -1 : 1;
  return Array.from({ length: Math.min(Math.abs(to - from) + 1, 1000) }, (_, index) => from + index * step).join(", ");
}

const words: Readonly<Record<string, string>> = {
  plus: "+",
  minus: "-",
  times: "*",
  "divided by": "/",
  x: "*",
  "×": "*",
  "÷": "/",
  "−": "-",
};

function calculated(prompt: string): string | undefined {
  const plain = prompt.replace(
    /\b(plus|minus|times|divided by)\b|(?<=\d\s*)x(?=\s*\d)|[×÷−]/g,
    (word) => words[word] ?? word,
  );
  const match = /(?:^|what(?:'s| is)|calculate|compute|how much is|solve)\s*:?\s*([-\d.\s+*/()^,]+?)\s*[=?.!]*$/.exec(
    plain,
  );
  const formula = match?.[1]?.replaceAll(",", "").trim();
  if (formula === undefined || !/\d.*[-+*/^].*\d/.test(formula)) return undefined;
  const value = evaluate(formula);
  if (value === undefined) return undefined;
  if (!Number.isFinite(value)) return `${formula} has no value: it divides by zero.`;
  return `${formula} = **${Number(value.toPrecision(12))}**`;
}

/** Sums, products, powers and brackets by recursive descent; undefined when it is none of that. */
function evaluate(formula: string): number | undefined {
  const symbols = formula.match(/\d+(?:\.\d+)?|\.\d+|[-+*/^()]/g) ?? [];
  let next = 0;
  const accept = (...wanted: string[]) => (wanted.includes(symbols[next] ?? "") ? symbols[next++] : undefined);
  const atom = (): number => {
    if (accept("-")) return -power();
    if (!accept("(")) return Number(symbols[next++] ?? Number.NaN);
    const value = sum();
    return accept(")") ? value : Number.NaN;
  };
  const power = (): number => {
    const base = atom();
    return accept("^") ? base ** power() : base;
  };
  const product = (): number => {
    let value = power();
    for (let sign = accept("*", "/"); sign; sign = accept("*", "/"))
      value = sign === "*" ? value * power() : value / power();
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = accept("+", "-"); sign; sign = accept("+", "-")) value += sign === "+" ? product() : -product();
    return value;
  };
  const value = sum();
  return Number.isNaN(value) || next < symbols.length ? undefined : value;
}

function letters(prompt: string): string | undefined {
  const match =
    /how many (?:letter )?["']?([a-z])["']?(?:'?s)?(?: are(?: there)?)? in (?:the word )?["']?([a-z]+)/.exec(prompt);
  const [, letter, word] = match ?? [];
  if (letter === undefined || word === undefined) return undefined;
  const count = word.split(letter).length - 1;
  const spelled = Array.from(word, (one) => (one === letter ? `**${one}**` : one)).join("-");
  return `There ${count === 1 ? "is" : "are"} **${count}** ${letter}${count === 1 ? "" : "'s"} in "${word}": ${spelled}.`;
}

function prime(prompt: string): string | undefined {
  const number = Number(/\bis (\d{1,9}) (?:a )?prime\b/.exec(prompt)?.[1] ?? Number.NaN);
  if (Number.isNaN(number)) return undefined;
  if (number < 2) return `No. Prime numbers begin with 2, so **${number}** is none.`;
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return `No, **${number}** is not prime: it is ${divisor} × ${number / divisor}.`;
  }
  return `Yes, **${number}** is prime: nothing but 1 and ${number} divides it.`;
}

function capital(prompt: string): string | undefined {
  const asked = /capital(?: city)? of (?:the )?([a-z ]+)/.exec(prompt)?.[1]?.trim() ?? "";
  const country = Object.keys(capitals).find(
    (name) => name.replace(/^the /, "") === asked || asked.startsWith(`${name.replace(/^the /, "")} `),
  );
  if (country === undefined) return undefined;
  const name = country.replace(/\b(?!the\b)[a-z]/g, (first) => first.toUpperCase());
  return `The capital of ${name} is **${capitals[country]}**.`;
}

function chat(prompt: string, random: SeededRandom): string | undefined {
  const isShort = prompt.split(/\s+/).length <= 6;
  if (/\b(who|what) (are|r) you\b|\bwhich model\b|\bare you (real|an? )|\bintroduce yourself\b/.test(prompt)) {
    return "I am Headrace's built-in simulator: no neural network, just a few templates with good manners. I stream at the pace of a real model, keep to your limits and stop strings, call tools, and give the same answer to the same question.\n\nSet a provider's key, and a real model answers here instead; nothing else in your code changes.";
  }
  if (isShort && /^(hi|hey|hello|howdy|good (morning|afternoon|evening)|greetings|ping|test)\b/.test(prompt)) {
    return random.pick([
      "Hello! What would you like to know?",
      "Hi there! Ask me anything; I have templates for most of it.",
      "Hello! It is good to hear from you. What shall we look at?",
    ]);
  }
  if (isShort && /\b(thanks|thank you|thx|cheers)\b/.test(prompt)) {
    return random.pick([
      "You are welcome! Anything else?",
      "Gladly. Come back whenever you like; I will be here, same seed, same answer.",
    ]);
  }
  if (isShort && /^(bye|goodbye|good night|see you)\b/.test(prompt))
    return "Goodbye! The stream ends here, and it ends properly.";
  if (/\bhow are you\b/.test(prompt)) return "Running steadily, thank you: no stalls, no dropped tokens. And you?";
  if (/\bjoke\b/.test(prompt)) {
    return random.pick([
      "Why did the token cross the stream? It had the highest probability.",
      "I would tell you a joke about UDP, but you might not get it.",
      "There are two hard things in computing: naming, cache invalidation, and off-by-one errors.",
    ]);
  }
  if (/\bhaiku\b/.test(prompt)) {
    return random.pick([
      "Tokens, one by one,\na small river finds its way:\nnothing lost, no rush.",
      "The connection drops.\nThe log remembers each word;\nquietly, you're back.",
    ]);
  }
  if (
    /\b(weather|temperature|forecast)\b.*\b(in|at|for|today|tomorrow|like|outside)\b|\bwhat time is it\b|\b(latest|today's) news\b|\bstock price\b/.test(
      prompt,
    )
  ) {
    return "I cannot look outside from here. Give me a tool for it, say `get_weather`, and I will call it with arguments that fit its schema, wait for the result, and tell you what it says.";
  }
  return undefined;
}

function famous(prompt: string): string | undefined {
  // A long prompt that only mentions rainbows is about something else.
  if (prompt.length > 160 || /\b(write|poem|story|essay|list)\b/.test(prompt)) return undefined;
  return famousAnswers.find(([question]) => question.test(prompt))?.[1];
}
