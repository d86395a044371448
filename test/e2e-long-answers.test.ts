import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { UserModel } from "../src/core/user-model.ts";
import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { startGateway } from "./support/gateway.ts";
import { expectSmooth, heapBytes, watchWork } from "./support/page-work.ts";
import { askInPlayground } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-long-answers.test.ts is skipped: ${missingBrowser}`);

const longAnswer = 180_000;

/** What models write, over and over. */
const section = (number: number) => `## Part ${number}

It has **bold words**, _others_, \`code\`, and a [link](https://example.com/${number}) that leads nowhere. So it goes on
for a line or two, as answers do, until there is an end to it.

- one thing
- another one, which is **longer**
  - and has something below it

\`\`\`ts
const part = ${number};
for (const word of words) say(word);
\`\`\`

| name | value |
|------|-------|
| part | ${number} |

1. first
2. second

`;

/** 200 kB in pieces of ten characters: most of them as fast as they can be sent, the rest at 500 a second, without end. */
function writerOf(text: (part: number) => string): UserModel {
  return async function* (_input, { signal }) {
    let sent = 0;
    let began: number | undefined;
    for (let part = 0; !signal.aborted; part++) {
      for (const piece of text(part).match(/[^]{1,10}/g) ?? []) {
        yield piece;
        sent += piece.length;
        if (sent < longAnswer) continue;
        began ??= performance.now() - sent / 5;
        const early = began + sent / 5 - performance.now();
        if (early > 4) await new Promise((resolve) => setTimeout(resolve, early));
      }
    }
  };
}

const models = {
  essay: writerOf(section),
  // Neither of them ever gets to an end.
  list: writerOf((part) => `- item ${part} of a list that has **no end**, with some words in it\n`),
  program: writerOf((part) => `${part === 0 ? "```ts\n" : ""}const value${part} = compute(${part}, "something");\n`),
};

/** Once more where the machine has other things to do. */
const patiently = { timeout: 60_000, retry: 1 };

describe.skipIf(missingBrowser !== undefined)("an answer of 200 kB, at 500 tokens a second", patiently, () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  test.each(Object.keys(models))(
    "the playground keeps answering while it shows an endless %s, and stops it",
    async (model) => {
      const { url } = await startGateway({ models });
      const { page, errors } = await openPage(browser, url);
      await page.getByLabel("Model", { exact: true }).selectOption(model);
      await askInPlayground(page, "Write");
      await untilLong(page, ".prose-answer");
      const work = await watchWork(page, async () => {
        const changes = await page.evaluate(countChanges, 1_500);
        expect(changes).toBeGreaterThan(5);
        // Of some thousand elements, those at the end.
        expect(changes).toBeLessThan(1_000);
      });
      expectSmooth(work);
      const asWritten = await page.locator(".prose-answer > div > .as-written").count();
      expect(asWritten > 0, "only what has no end is shown as it was written").toBe(model !== "essay");
      await stop(page);
      expect(await heapBytes(page)).toBeLessThan(60e6);
      const html = () => page.locator(".prose-answer").innerHTML();
      const grown = await html();
      await page.getByRole("link", { name: "Set up" }).click();
      await page.getByRole("heading", { name: "Set up" }).waitFor();
      await page.getByRole("link", { name: "Playground" }).click();
      await page.locator(".prose-answer").waitFor();
      expect((await html()) === grown, "what was read bit by bit is what it is when read at once").toBe(true);
      expect(errors).toEqual([]);
    },
  );

  test("its page follows it and replays it, and keeps answering", async () => {
    const { url, headrace } = await startGateway({ models });
    const answer = headrace.stream({ model: "essay", prompt: "Write" });
    const { page, errors } = await openPage(browser, `${url}/#/streams/${await answer.id}`);
    await untilLong(page, "[aria-label=Answer]");
    const following = await watchWork(page, async () => {
      await page.waitForTimeout(1_500);
      await stop(page);
    });
    expectSmooth(following);
    const replaying = await watchWork(page, async () => {
      await page.getByRole("button", { name: "Replay" }).click();
      await page.waitForTimeout(1_500);
    });
    expectSmooth(replaying);
    const frames = await watchWork(page, async () => {
      await page.getByRole("tab", { name: "Frames" }).click();
      await page.getByText("[the rest is not shown]").waitFor();
    });
    expectSmooth(frames);
    const again = await watchWork(page, async () => {
      await page.getByRole("link", { name: "Set up" }).click();
      await page.getByRole("heading", { name: "Set up" }).waitFor();
      await page.goBack();
      await untilLong(page, "[aria-label=Answer]");
    });
    expectSmooth(again);
    expect(await heapBytes(page)).toBeLessThan(60e6);
    expect(errors).toEqual([]);
  });
});

/** Waits until most of it is there, and the rest comes at its pace. */
async function untilLong(page: Page, selector: string): Promise<void> {
  const length = () => page.evaluate((of) => document.querySelector(of)?.textContent?.length ?? 0, selector);
  await expect.poll(length).toBeGreaterThan(longAnswer * 0.6);
  const growth = async () => {
    const before = await length();
    await page.waitForTimeout(200);
    return (await length()) - before;
  };
  await expect.poll(growth).toBeLessThan(2_500);
}

/** Stops the answer, and waits until the page says so: at once, for a person. */
async function stop(page: Page): Promise<void> {
  const began = performance.now();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("stopped", { exact: false }).first().waitFor();
  expect(performance.now() - began, "from the click to the page that says so, in ms").toBeLessThan(4_000);
}

/** Runs in the page: how often an element of the answer changes. */
function countChanges(forMs: number): Promise<number> {
  let changes = 0;
  const observer = new MutationObserver((records) => (changes += records.length));
  observer.observe(document.querySelector(".prose-answer") as Element, { subtree: true, childList: true });
  return new Promise((resolve) => setTimeout(() => resolve(changes), forMs));
}
