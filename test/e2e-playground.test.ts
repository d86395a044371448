import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";
import { askInPlayground } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-playground.test.ts is skipped: ${missingBrowser}`);

describe.skipIf(missingBrowser !== undefined)("the playground", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  // Once more where the machine has other things to do.
  test(
    "shows a streamed answer within three seconds of the first visit, with nothing configured",
    { retry: 2 },
    async () => {
      const { url } = await startGateway();
      const { page, foreign, errors } = await openPage(browser, url);
      await askInPlayground(page, "Why is the sky blue?");
      await page
        .locator(".prose-answer")
        .filter({ hasText: /\w+ \w+/ })
        .waitFor();
      // Since the browser set out for the page.
      expect(await page.evaluate(() => performance.now())).toBeLessThan(3_000);
      await page.getByRole("button", { name: "Send" }).waitFor();
      expect(foreign).toEqual([]);
      expect(errors).toEqual([]);
    },
  );

  test("a cut connection leaves one text, with nothing twice and nothing missing", async () => {
    const words = Array.from({ length: 60 }, (_, index) => `word${index} `);
    const { model, hold } = scriptedModel(words);
    const letGo = [10, 30].map(hold);
    const { url } = await startGateway({ models: { counter: model } });
    const { page } = await openPage(browser, url);
    await askInPlayground(page, "Count");
    for (const [index, last] of ["word9", "word29"].entries()) {
      await page.getByText(last).waitFor();
      await page.getByRole("button", { name: "Cut the connection" }).click();
      await page
        .getByText(/Connection cut, resumed after 1-\d+/)
        .nth(index)
        .waitFor();
      letGo[index]?.();
    }
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    expect((await page.locator(".prose-answer").textContent())?.trim()).toBe(words.join("").trim());
  });

  test("a killed provider leaves one text, with its seam shown", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/claude-3-haiku");
    const kill = page.getByRole("button", { name: "Kill the provider" });
    expect(await kill.isDisabled()).toBe(true);
    await askInPlayground(page, "Why is the sky blue?");
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    const whole = await page.locator(".prose-answer").textContent();
    await page.getByRole("button", { name: "New chat" }).click();
    await askInPlayground(page, "Why is the sky blue?");
    await page
      .locator(".prose-answer")
      .filter({ hasText: /(\w+\W+){12}/ })
      .waitFor();
    await kill.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: "Killed the connection to sim/claude-3-haiku" }).waitFor();
    await page.getByText(/Provider died at character \d+, sim\/claude-3-haiku went on/).waitFor();
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    const marks = page.locator("[data-seam]");
    expect(await marks.count()).toBeGreaterThan(0);
    await marks.evaluateAll((elements) => elements.forEach((element) => element.remove()));
    expect(await page.locator(".prose-answer").textContent()).toBe(whole);
  });

  test("models that are compared are killed together, whatever they are", async () => {
    const words = Array.from({ length: 40 }, (_, index) => `word${index} `);
    const [first, second] = [scriptedModel(words), scriptedModel(words)];
    const letGo = [first.hold(20), second.hold(20)];
    const { url } = await startGateway({ models: { first: first.model, second: second.model } });
    const { page, errors } = await openPage(browser, url);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByLabel("Model 2", { exact: true }).selectOption("second");
    await askInPlayground(page, "Count");
    for (const column of [1, 2]) await page.getByLabel(`Conversation ${column}`).getByText("word19").waitFor();
    await page.getByRole("button", { name: "Kill the provider" }).click();
    await page
      .getByRole("status")
      .filter({ hasText: /models\/first .*models\/second / })
      .waitFor();
    letGo.forEach((go) => go());
    for (const column of [1, 2]) {
      const conversation = page.getByLabel(`Conversation ${column}`);
      await conversation.getByText(/Provider died at character 130/).waitFor();
      await conversation.getByText("word39").waitFor();
    }
    expect(errors).toEqual([]);
  });

  test("the first thing that is offered after the questions is an answer that survives its provider", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByRole("button", { name: "See an answer survive" }).click();
    await page.getByText(/Provider died at character \d+/).waitFor();
    await page.getByRole("status").filter({ hasText: "Killed the connection to sim/gpt-4o (attempt 1)" }).waitFor();
    expect(await page.locator("[data-seam]").count()).toBe(1);
  });

  test("an answer goes on while another page is looked at", async () => {
    const script = scriptedModel(["one ", "two ", "three "]);
    const letGo = script.hold(1);
    const { url } = await startGateway({ models: { counter: script.model } });
    const { page } = await openPage(browser, url);
    await askInPlayground(page, "Count");
    await page.getByText("one").waitFor();
    await page.getByRole("link", { name: "Set up" }).click();
    await page.getByRole("heading", { name: "Set up" }).waitFor();
    letGo();
    await page.getByRole("link", { name: "Playground" }).click();
    await page.getByText("one two three").waitFor();
    expect(script.started).toBe(1);
  });

  test("Stop ends the model, and keeps what was said", async () => {
    const script = scriptedModel(["one ", "two ", "three "]);
    script.hold(2);
    const { url } = await startGateway({ models: { counter: script.model } });
    const { page } = await openPage(browser, url);
    await askInPlayground(page, "Count");
    await page.getByText("one two").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped", { exact: true }).waitFor();
    expect(script.aborted).toBe(true);
    expect((await page.locator(".prose-answer").textContent())?.trim()).toBe("one two");
  });

  test("compares models side by side, and copies the request as a program", async () => {
    const { url } = await startGateway({ models: { first: () => ["I am first"], second: () => ["I am second"] } });
    const { page, errors } = await openPage(browser, url);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByLabel("Model 2", { exact: true }).selectOption("second");
    await askInPlayground(page, "Who are you?");
    await page.getByLabel("Conversation 1").getByText("I am first").waitFor();
    await page.getByLabel("Conversation 2").getByText("I am second").waitFor();
    await page.getByRole("button", { name: "Copy as" }).click();
    await page.getByRole("tab", { name: "OpenAI for Python" }).click();
    expect(await page.getByLabel("snippet", { exact: true }).textContent()).toContain('"content": "Who are you?"');
    expect(errors).toEqual([]);
  });
});
