import { describe, expect, test } from "vitest";

import { callOnce, sixtyWords, spokenIn } from "./support/faults.ts";
import { openSimulator } from "./support/simulator.ts";

const question = { role: "user" as const, content: "Why do rivers meander?" };
const model = "instant?words=60";
const { complete, ask } = openSimulator();
const whole = await ask([question], { model });
const words = whole.split(" ");
const beginnings = words.map((_, count) => words.slice(0, count + 1).join(" "));

function anchored(said: string, quote: (tail: string) => string) {
  const tail = said.slice(-24);
  const messages = [
    question,
    { role: "assistant" as const, content: said },
    { role: "user" as const, content: quote(tail) },
  ];
  return { tail, messages };
}

describe("an answer of sixty words, cut after each of them", () => {
  test("is gone on with exactly where it was, from the assistant's beginning", async () => {
    for (const said of beginnings) {
      expect(said + (await ask([question, { role: "assistant", content: said }], { model }))).toBe(whole);
    }
  });

  test("and after every single character", async () => {
    for (let length = 1; length <= whole.length; length += 3) {
      const said = whole.slice(0, length);
      expect(said + (await ask([question, { role: "assistant", content: said }], { model }))).toBe(whole);
    }
  });

  test.each([
    ["between tags", (tail: string) => `You were cut off. Repeat these last words, then go on: <tail>${tail}</tail>`],
    ["between tags on lines of their own", (tail: string) => `Continue.\n<tail>\n${tail}\n</tail>\nNothing else.`],
    ["in backticks", (tail: string) => `Continue after\n\`\`\`\n${tail}\n\`\`\`\nRepeat it first.`],
    ["in more backticks", (tail: string) => `An example: \`\`\`x\`\`\`. Continue after \`\`\`\`${tail}\`\`\`\` please`],
  ])("repeats the last words that are quoted %s, and goes on", async (_, quote) => {
    for (const said of beginnings) {
      const { tail, messages } = anchored(said, quote);
      const answer = await ask(messages, { model });
      expect(answer.startsWith(tail)).toBe(true);
      expect(said + answer.slice(tail.length)).toBe(whole);
    }
  });

  test("says the same once more, so that its beginning can be compared", async () => {
    expect(await ask([question], { model })).toBe(whole);
    expect(await ask([question], { model: "gpt-4o-mini?words=60&interval=0" })).toBe(whole);
  });

  test("comes out whole when the cut one is read and then continued, and counts what it says", async () => {
    for (let count = 1; count < 60; count++) {
      const cut = spokenIn((await callOnce(sixtyWords(`cut@${count}`), { body: { messages: [question] } })).text);
      const rest = await complete([question, { role: "assistant", content: cut }], {
        model: "claude-3-haiku?words=60&interval=0",
      });
      expect(cut + rest.choices[0]?.message.content).toBe(whole);
      expect(rest.usage?.completion_tokens).toBe(60 - count);
    }
  });

  test("keeps to a limit that was reduced by what had been said", async () => {
    const limited = await ask([question], { model, max_tokens: 50 });
    for (const count of [1, 20, 49]) {
      const said = words.slice(0, count).join(" ");
      const rest = await complete([question, { role: "assistant", content: said }], { model, max_tokens: 50 - count });
      expect(said + rest.choices[0]?.message.content).toBe(limited);
      expect(rest.choices[0]?.finish_reason).toBe("length");
    }
  });
});

describe("any other answer", () => {
  test.each(["Why is the sky blue?", "Explain tidal power", "Write a function that sorts a list in Python"])(
    "%s: is continued after its last words, too",
    async (content) => {
      const prompt = { role: "user" as const, content };
      const text = await ask([prompt]);
      for (let length = 10; length < text.length; length += 13) {
        const said = text.slice(0, length);
        const tail = said.slice(-30);
        if (tail.trim() === "") continue;
        const request = { role: "user" as const, content: `Go on after <tail>${tail}</tail>` };
        const answer = await ask([prompt, { role: "assistant", content: said }, request]);
        const repeated = tail.replace(/^\n/, "").replace(/\n$/, "");
        expect(answer.startsWith(repeated)).toBe(true);
        const at = said.lastIndexOf(repeated) + repeated.length;
        expect(said.slice(0, at) + answer.slice(repeated.length)).toBe(text);
      }
    },
  );

  test("is continued without the assistant's message when the user's asks for it", async () => {
    const said = words.slice(0, 30).join(" ");
    const tail = said.slice(-40);
    const request = { role: "user" as const, content: `Continue your answer after <tail>${tail}</tail>` };
    expect(said + (await ask([question, request], { model })).slice(tail.length)).toBe(whole);
  });

  test("of a question that only quotes something is an answer to that question", async () => {
    const code = { role: "user" as const, content: "What does this do? ```x = 1```" };
    expect(await ask([question, { role: "assistant", content: "It erodes." }, code])).not.toMatch(/^x = 1/);
    expect(await ask([code])).not.toMatch(/^x = 1/);
  });
});

describe("a provider that does not really go on", () => {
  const said = words.slice(0, 30).join(" ");
  const begun = [question, { role: "assistant" as const, content: said }];
  const { tail, messages } = anchored(said, (last) => `Continue after <tail>${last}</tail>`);

  test("restarts: everything once more", async () => {
    expect(await ask(begun, { model: `${model}&fault=restart` })).toBe(whole);
    expect(await ask(messages, { model: `${model}&fault=restart` })).toBe(whole);
    expect(await ask([question], { model: `${model}&fault=restart` })).toBe(whole);
  });

  test("or repeats some of the last words before it goes on", async () => {
    const answer = await ask(begun, { model: `${model}&fault=repeat:5` });
    expect(answer).toBe(words.slice(25).join(" "));
    expect(await ask([question], { model: `${model}&fault=repeat` })).toBe(whole);
  });

  test("or paraphrases: as many words, and nowhere the same for long", async () => {
    const rest = await ask(begun, { model: `${model}&fault=paraphrase` });
    const echoed = await ask(messages, { model: `${model}&fault=paraphrase` });
    const anew = await ask([question], { model: `${model}&fault=paraphrase` });
    expect(rest.split(" ").filter(Boolean)).toHaveLength(30);
    expect(echoed.startsWith(tail)).toBe(false);
    expect(anew.split(" ")).toHaveLength(60);
    for (const text of [rest, echoed, anew]) {
      for (let at = 0; at + 24 <= text.length; at++) expect(whole).not.toContain(text.slice(at, at + 24));
    }
  });
});
