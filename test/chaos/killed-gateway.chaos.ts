import { expect, test } from "vitest";

import type { StreamEvent } from "../../src/core/events.ts";
import { answerText, foldAnswer } from "../../src/core/answer.ts";
import { systemClock } from "../../src/outside.ts";
import { protocols } from "../../src/protocols/all.ts";
import { SeededRandom } from "../../src/providers/simulator/random.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { serveSimulator } from "../../src/runtimes/simulator.ts";
import type { GatewayProcess } from "../support/process.ts";
import { startProcess, temporaryFolder } from "../support/process.ts";

const readersAtOnce = 50;
const kills = 3;
const betweenKillsMs = 6_000;
const pace = "words=60&interval=40";
const seed = Date.now();
const random = new SeededRandom(`chaos ${seed}`);
const faults = [
  "none",
  "cut@",
  "reset@",
  "eof@",
  "error@",
  "stall@",
  "503",
  "429:retry-after=1",
  "slow-first-token:2s",
] as const;

/** What one client has seen of one answer, over all its connections. */
interface Story {
  fault: string;
  id: string;
  bytes: string;
  connections: number;
  outcome: string;
  violation?: string;
}

/** The gateway of the moment; a new one has a new address. */
let gateway: GatewayProcess;

async function ask(): Promise<Story> {
  const kind = random.pick(faults);
  const fault = kind.endsWith("@") ? `${kind}${1 + Math.floor(random.number() * 59)}` : kind;
  const story: Story = { fault, id: "", bytes: "", connections: 0, outcome: "never began" };
  const once = fault.includes(":") ? `${fault},calls=1` : `${fault}:calls=1`;
  // Calls that ask for the same are counted together, so that each asks for something of its own.
  const own = `interval=${40 + Math.floor(random.number() * 1_000) / 1_000}`;
  const model = `box/instant?words=60&${own}${fault === "none" ? "" : `&fault=${once}`}`;
  const body = {
    model,
    messages: [{ role: "user", content: "Why do rivers meander?" }],
    stream: true,
    headrace: { fallbacks: [`box/instant?${pace}`] },
  };
  const headers = { "content-type": "application/json" };
  let lastId: string | undefined;
  for (let tries = 0; tries < 60; tries++) {
    try {
      const { url } = gateway;
      const response =
        story.id === ""
          ? await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) })
          : await fetch(
              `${url}/v1/streams/${story.id}`,
              lastId === undefined ? {} : { headers: { "last-event-id": lastId } },
            );
      story.connections++;
      if (response.status === 204) return story;
      if (response.status !== 200) {
        story.violation = `status ${response.status}: ${await response.text()}`;
        return story;
      }
      story.id = response.headers.get("headrace-stream-id") ?? "";
      const before = story.bytes;
      let got = "";
      const decoder = new TextDecoder();
      try {
        for await (const bytes of response.body ?? []) got += decoder.decode(bytes, { stream: true });
        story.bytes = before + got;
        return story;
      } catch {
        // What is not followed by its blank line comes again.
        const end = got.lastIndexOf("\n\n");
        if (end >= 0) story.bytes = before + got.slice(0, end + 2);
        lastId = [...story.bytes.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
      }
    } catch {
      // The gateway is down; an answer that nobody has heard of is asked for again.
    }
    await systemClock.sleep(250);
  }
  story.violation = "never came to its end";
  return story;
}

function withoutComments(bytes: string): string {
  return bytes.replace(/^:.*\n\n/gm, "");
}

/** Compares what a client has seen with the log, and with what it must be. */
async function judge(story: Story, whole: string): Promise<void> {
  if (story.violation !== undefined) return;
  const replay = await (await fetch(`${gateway.url}/v1/streams/${story.id}`)).text();
  const reader = protocols["openai-chat"].createEventReader({});
  const events: StreamEvent[] = [...reader.push(new TextEncoder().encode(story.bytes)), ...reader.end()];
  const answer = foldAnswer(events);
  story.outcome = answer.outcome ?? "none";
  const text = answerText(answer);
  if (withoutComments(replay) !== withoutComments(story.bytes)) story.violation = "not what the log says";
  else if (!whole.startsWith(text)) story.violation = "says something else";
  else if (story.outcome === "completed" && text !== whole) story.violation = "a part passes for the whole";
}

test("fifty readers, faults, and a gateway that is killed: nothing lost, doubled, or taken for whole", async () => {
  const simulator = await serveSimulator(createSimulator({ clock: systemClock }), { host: "127.0.0.1", port: 0 });
  const folder = await temporaryFolder();
  const config = `export default {
    log: { path: ${JSON.stringify(`${folder}/log.db`)} },
    providers: { box: { vendor: "openai-compatible", baseUrl: ${JSON.stringify(simulator.baseUrl)} } },
    reliability: { retryBudgetPercent: 100, stallTimeoutMs: 2000 },
  };`;
  gateway = await startProcess(folder, config);
  const stories: Story[] = [];
  let isOpen = true;
  const readers = Array.from({ length: readersAtOnce }, async () => {
    while (isOpen) stories.push(await ask());
  });
  for (let kill = 0; kill < kills; kill++) {
    await systemClock.sleep(betweenKillsMs);
    await gateway.kill("SIGKILL");
    gateway = await startProcess(folder, config);
  }
  await systemClock.sleep(betweenKillsMs);
  isOpen = false;
  await Promise.all(readers);

  const plain = await fetch(`${simulator.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: `instant?${pace}`, messages: [{ role: "user", content: "Why do rivers meander?" }] }),
  });
  const answer = (await plain.json()) as { choices: { message: { content: string } }[] };
  for (const story of stories) await judge(story, answer.choices[0]?.message.content ?? "");
  await simulator.close();

  const kinds = [...new Set(stories.map(({ fault }) => fault.replace(/@\d+$/, "@")))].toSorted();
  console.table(
    kinds.map((fault) => {
      const some = stories.filter((story) => story.fault.replace(/@\d+$/, "@") === fault);
      const having = (outcome: string): number => some.filter((story) => story.outcome === outcome).length;
      return {
        fault,
        answers: some.length,
        completed: having("completed"),
        told: some.length - having("completed"),
        resumed: some.filter(({ connections }) => connections > 1).length,
        violations: some.filter(({ violation }) => violation !== undefined).length,
      };
    }),
  );
  const violations = stories.filter(({ violation }) => violation !== undefined);
  expect(violations.map(({ fault, violation }) => `${fault}: ${violation} (seed ${seed})`)).toEqual([]);
  expect(stories.filter(({ connections }) => connections > 1).length).toBeGreaterThan(10);
  expect(stories.filter(({ outcome }) => outcome === "completed").length).toBeGreaterThan(readersAtOnce);
});
