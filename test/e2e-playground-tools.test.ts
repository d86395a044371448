import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";
import { askInPlayground } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-playground-tools.test.ts is skipped: ${missingBrowser}`);

const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

describe.skipIf(missingBrowser !== undefined)("in the playground", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  test("a tool's result is given back, and the model goes on with it", async () => {
    const { url } = await startGateway();
    const { page, errors } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByRole("button", { name: "Example tool" }).click();
    await page.keyboard.press("Escape");
    await askInPlayground(page, "What is the weather in Paris?");
    await page.getByLabel("What get_weather answers").fill('{"sky": "purple with dots"}');
    await page.getByRole("button", { name: "Send the result" }).click();
    await page.locator(".prose-answer").getByText("purple with dots").waitFor();
    // Once more, and then on to something else.
    await page.getByRole("button", { name: "Regenerate" }).click();
    await page.locator(".prose-answer").getByText("purple with dots").waitFor();
    expect(errors).toEqual([]);
  });

  test("a tool that nobody ran does not stop the conversation", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByRole("button", { name: "Example tool" }).click();
    await page.keyboard.press("Escape");
    await askInPlayground(page, "What is the weather in Paris?");
    await page.getByLabel("What get_weather answers").waitFor();
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByRole("button", { name: "Reset all" }).click();
    await page.keyboard.press("Escape");
    await askInPlayground(page, "Why is the sky blue?");
    await page
      .locator(".prose-answer")
      .getByText(/^Sunlight/)
      .waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("parameters and what is typed are still there after a look at another page", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByRole("textbox", { name: "Message" }).fill("Half a question");
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByLabel("Seed").fill("7");
    await page.getByRole("button", { name: "Close" }).click();
    const opener = page.getByRole("button", { name: "Parameters 1 set" });
    expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.getByRole("link", { name: "Set up" }).click();
    await page.getByRole("heading", { name: "Set up" }).waitFor();
    await page.getByRole("link", { name: "Playground" }).click();
    await opener.waitFor();
    expect(await page.getByRole("textbox", { name: "Message" }).inputValue()).toBe("Half a question");
  });

  test("an image can be all there is to a question; a file that cannot be one is refused in words", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    const files = page.getByLabel("Images", { exact: true });
    await files.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
    await page.getByRole("alert").getByText("notes.txt is not a PNG").waitFor();
    await files.setInputFiles({ name: "huge.png", mimeType: "image/png", buffer: Buffer.alloc(5_000_000) });
    await page.getByRole("alert").getByText("huge.png is larger than 4 MB").waitFor();
    await files.setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from(onePixel, "base64") });
    await page.getByRole("img", { name: "dot.png" }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("log").getByRole("img", { name: "dot.png" }).waitFor();
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("an answer's cost, once it is there, is what the ledger says", async () => {
    const { url } = await startGateway({ prices: { "sim/*": { inputPerMillion: 0, outputPerMillion: 1000 } } });
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await askInPlayground(page, "Why is the sky blue?");
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    const cost = page.getByText(/^Cost/);
    await cost.getByText("$").waitFor();
    const { data } = (await (await fetch(`${url}/admin/streams`)).json()) as { data: { cost: { total: number } }[] };
    await expect.poll(() => cost.textContent()).toBe(`Cost $${data[0]?.cost.total.toFixed(2)}`);
  });

  test("an answer's cost is told while it is being written", async () => {
    const script = scriptedModel(["one ", "two ", "three "]);
    const letGo = script.hold(2);
    const prices = { "models/counter": { inputPerMillion: 0, outputPerMillion: 100_000 } };
    const { url } = await startGateway({ models: { counter: script.model }, prices });
    const { page } = await openPage(browser, url);
    await askInPlayground(page, "Count");
    await page.getByText(/^Cost/).getByText("$0.").waitFor();
    expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(1);
    letGo();
  });

  test("while the gateway is away the page says so, and goes on once it is back", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.context().setOffline(true);
    await askInPlayground(page, "Why is the sky blue?");
    await page.getByText("The gateway does not answer. Trying again").first().waitFor();
    await page.getByRole("link", { name: "Set up" }).click();
    await page.context().setOffline(false);
    await page.getByRole("region", { name: "Providers" }).first().waitFor();
    await page.getByRole("link", { name: "Playground" }).click();
    await page
      .locator(".prose-answer")
      .getByText(/^Sunlight/)
      .waitFor();
    expect(await page.getByText("does not answer").count()).toBe(0);
  });

  test("Stop also works before the first token, and while the gateway is away", async () => {
    const script = scriptedModel(["too late"]);
    script.hold(0);
    const { url } = await startGateway({ models: { slow: script.model } });
    const { page } = await openPage(browser, url);
    await page.getByLabel("Model", { exact: true }).selectOption("slow");
    await askInPlayground(page, "Well?");
    await page.getByText("Waiting for the first token").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped", { exact: true }).waitFor();
    expect(script.aborted).toBe(true);
    await page.context().setOffline(true);
    await askInPlayground(page, "Still there?");
    await page.getByText("The gateway does not answer. Trying again").first().waitFor();
    await page.getByRole("textbox", { name: "Message" }).press("Escape");
    await page.getByText("Stopped", { exact: true }).nth(1).waitFor();
  });
});
