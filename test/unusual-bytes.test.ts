import { describe, expect, test } from "vitest";

import { answerText } from "../src/core/answer.ts";
import { systemClock } from "../src/outside.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import type { NamedRow } from "./support/protocol-rows.ts";
import { askIn, readIn } from "./support/protocol-rows.ts";
import { asked, rowNamed, served, spoken, startWire } from "./support/wire.ts";

const words = "instant?words=60";
const chat = rowNamed("openai-chat");
const named = (rows: readonly NamedRow[]) => rows.map((row) => ({ ...row, name: row.protocol.name }));

/** The sixty words as the simulator means them, without any bytes in between. */
async function simulatedText(): Promise<string> {
  const simulator = createSimulator({ clock: systemClock });
  const body = JSON.stringify({ model: words, messages: [{ role: "user", content: "go" }] });
  const response = await simulator("http://simulator.local/v1/chat/completions", { method: "POST", body });
  const { choices } = (await response.json()) as { choices: [{ message: { content: string } }] };
  return choices[0].message.content;
}

/** The answer in every protocol that has the same text, read by that protocol's reader. */
async function readEverywhere(model: string): Promise<{ text: string; outcome: string }> {
  const { url } = await startWire();
  const started = await askIn(chat, url, asked(model));
  const id = started.headers.get("headrace-stream-id");
  const answers = [await readIn(chat, started)];
  for (const row of served) {
    answers.push(await readIn(row, await fetch(`${url}/v1/streams/${id}?as=${row.protocol.name}`)));
  }
  return {
    text: [...new Set(answers.map((answer) => answerText(answer)))].join(" | "),
    outcome: [...new Set(answers.map(({ outcome }) => outcome))].join(" | "),
  };
}

const plain = await simulatedText();

describe.each(named(spoken))("an answer over $name", ({ name }) => {
  test.each(["split:1", "utf8-split", "escapes", "escapes&fault=split:1"])(
    "row 19: %s changes no character, whatever protocol it is read in",
    async (fault) => {
      const answer = await readEverywhere(`${name}/${words}&fault=${fault}`);
      expect(answer).toEqual({ text: plain, outcome: "completed" });
    },
  );
});

const streams = spoken.filter(({ protocol }) => protocol.framing === "sse");

describe.each(named(streams))("server-sent events of $name", ({ name }) => {
  test.each([
    "line-ends:crlf",
    "line-ends:cr",
    "line-ends:mixed",
    "line-ends:mixed&fault=split:1",
    "bom",
    "bom&fault=split:1",
    "multi-line",
    "multi-line&fault=line-ends:cr",
  ])("row 20: %s is as good as any other form", async (fault) => {
    const answer = await readEverywhere(`${name}/${words}&fault=${fault}`);
    expect(answer).toEqual({ text: plain, outcome: "completed" });
  });

  test("row 20: a last event that no blank line ends is dropped", async () => {
    const answer = await readEverywhere(`${name}/${words}&fault=no-final-blank-line`);
    expect(answer.text).toBe(plain);
    // Gemini has no end marker after the event that says how the answer finished.
    expect(answer.outcome.includes("completed")).toBe(name !== "gemini");
  });
});
