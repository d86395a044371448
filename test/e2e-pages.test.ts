import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { scriptedModel, startGateway } from "./support/gateway.ts";
import { ask, killed } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-pages.test.ts is skipped: ${missingBrowser}`);

describe.skipIf(missingBrowser !== undefined)("the pages", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  test("the list of streams shows new ones, and how they end, by itself", async () => {
    const script = scriptedModel(["one ", "two "]);
    const letGo = script.hold(1);
    const { url } = await startGateway({ models: { counter: script.model } });
    const { page, errors } = await openPage(browser, `${url}/#/streams`);
    await page.getByText("No streams here").waitFor();
    const asking = ask(url, { model: "counter", prompt: "Count" });
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: /^counter/ }) });
    await row.getByText("live").waitFor();
    letGo();
    await row.getByText("completed").waitFor();
    await page.getByLabel("Outcome").selectOption("failed");
    await page.getByText("No streams here").waitFor();
    await page.getByLabel("Outcome").selectOption("");
    await row.getByRole("link").click();
    await page.getByRole("heading", { name: "counter" }).waitFor();
    expect(page.url()).toContain(`/#/streams/${await asking}`);
    expect(errors).toEqual([]);
  });

  test("a long list is read on while it is scrolled, and only what is in sight is on the page", async () => {
    const { url } = await startGateway();
    const { page, errors } = await openPage(browser, `${url}/#/overview`);
    // As many as nobody wants to wait for.
    await page.route("**/admin/streams?*", (route) => route.fulfill({ json: pageOfMany(route.request().url()) }));
    await page.goto(`${url}/#/streams`);
    const table = page.getByRole("table", { name: "Streams" });
    await table.getByRole("link", { name: /^model-0,/ }).waitFor();
    for (let reached = 100; reached <= 1_000; reached += 100) {
      await table.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
      await expect.poll(async () => Number(await table.getAttribute("aria-rowcount"))).toBeGreaterThan(reached);
    }
    expect(await table.getByRole("row").count()).toBeLessThan(80);
    expect(errors).toEqual([]);
  });

  test("a stream's page follows it live, and can stop it", async () => {
    const script = scriptedModel(["one ", "two ", "three "]);
    const letGo = script.hold(1);
    script.hold(2);
    const { url, headrace } = await startGateway({ models: { counter: script.model } });
    const answer = headrace.stream({ model: "counter", prompt: "Count" });
    const { page } = await openPage(browser, `${url}/#/streams/${await answer.id}`);
    const text = page.getByRole("group", { name: "Answer" });
    await text.filter({ hasText: "one" }).waitFor();
    letGo();
    await text.filter({ hasText: "one two" }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("stopped", { exact: true }).waitFor();
    expect(script.aborted).toBe(true);
  });

  test("a stream's page shows seams, attempts, and the frames of any protocol", async () => {
    const { url } = await startGateway();
    const id = await ask(url, killed("sim/instant"));
    const { page, errors } = await openPage(browser, `${url}/#/streams/${id}`);
    await page.getByRole("group", { name: "Answer" }).getByText("attempt 2").waitFor();
    await page.getByRole("img", { name: /2 seams/ }).waitFor();
    for (const meaning of ["failed or broke off", "answered to the end"]) await page.getByText(meaning).waitFor();
    await page.getByRole("button", { name: "Show as markdown" }).click();
    await page
      .getByRole("listitem")
      .filter({ hasText: /^Violet/ })
      .waitFor();
    await page.getByRole("button", { name: "Show as markdown" }).click();
    await page.getByRole("tab", { name: "Attempts" }).click();
    expect(await page.getByRole("region", { name: "Attempts" }).getByRole("row").count()).toBe(4);
    await page.getByRole("tab", { name: "Frames" }).click();
    await page.getByLabel("As", { exact: true }).selectOption("anthropic-messages");
    await page.getByText("event: message_stop").waitFor();
    expect(errors).toEqual([]);
  });

  test("a call that was passed on has a row by its kind, and a page without an answer", async () => {
    const { url } = await startGateway();
    await ask(url, { model: "sim/instant", prompt: "Hi" });
    const model = "sim/text-embedding-3-small";
    await fetch(`${url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, input: "one two three" }),
    });
    const { page, errors } = await openPage(browser, `${url}/#/streams`);
    const links = page.getByRole("table", { name: "Streams" }).getByRole("link");
    await links.filter({ hasText: "sim/instant" }).waitFor();
    await page.getByLabel("Kind").selectOption("embeddings");
    await links.filter({ hasText: "sim/instant" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: new RegExp(`^${model}, Embeddings`) }).click();
    await page.getByRole("heading", { name: model }).waitFor();
    await page.locator("dl > div").filter({ hasText: "Tokens in" }).waitFor();
    expect(await page.getByRole("tab").allTextContents()).toEqual(["Attempts", "More"]);
    await page.getByRole("region", { name: "Attempts" }).getByText("completed").waitFor();
    expect(errors).toEqual([]);
  });

  test("a stream is replayed at the pace at which it came", async () => {
    const { url } = await startGateway();
    const id = await ask(url, { model: "sim/gpt-4o?words=30&interval=25", prompt: "Hi" });
    const { page } = await openPage(browser, `${url}/#/streams/${id}`);
    const answer = page.getByRole("group", { name: "Answer" });
    const whole = (await answer.textContent())?.length ?? 0;
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByRole("button", { name: "Stop replaying" }).waitFor();
    const lengths = [await lengthOf(page), await lengthOf(page), await lengthOf(page)];
    expect(Math.min(...lengths)).toBeLessThan(whole);
    await page.getByRole("button", { name: "Replay", exact: true }).waitFor();
    expect(await lengthOf(page)).toBe(whole);
  });

  test("the overview adds up what happened", async () => {
    const { url } = await startGateway();
    await ask(url, { model: "sim/instant", prompt: "Hi" });
    await ask(url, { model: "sim/instant?fault=400", prompt: "Hi" });
    const { page, errors } = await openPage(browser, `${url}/#/overview`);
    const requests = page.locator("dl > div").filter({ hasText: "Requests" });
    await requests.getByText("2", { exact: true }).waitFor();
    await page.getByRole("region", { name: "Targets" }).getByText("sim/instant", { exact: true }).waitFor();
    await page.getByRole("img", { name: "Requests over time" }).waitFor();
    await page
      .getByRole("region", { name: "By model" })
      .getByRole("button", { name: "sim/instant", exact: true })
      .click();
    await page.getByRole("region", { name: "Requests of sim/instant" }).waitFor();
    await requests.getByText("1", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await requests.getByText("2", { exact: true }).waitFor();
    expect(errors).toEqual([]);
  });

  test("an empty overview and a stream that is not there say where to go on", async () => {
    const { url } = await startGateway();
    const { page } = await openPage(browser, `${url}/#/overview`);
    await page.getByText("No requests in this time").waitFor();
    await page.goto(`${url}/#/streams/st_nothere`);
    await page.getByRole("heading", { name: "No such stream" }).waitFor();
    await page.getByRole("link", { name: "Show the streams that there are" }).click();
    await page.getByText("No streams here").waitFor();
    // The keyboard goes on in the new page.
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
  });

  test("the simulator fails as it is told, and shows what clients see", async () => {
    const { url } = await startGateway();
    const { page, errors } = await openPage(browser, `${url}/#/simulator`);
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.getByLabel("Fault", { exact: true }).selectOption("error");
    await page.getByLabel("Let Headrace recover").uncheck();
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("alert").waitFor();
    await page
      .getByLabel(/^Frames as OpenAI Chat/)
      .filter({ hasText: '"error"' })
      .waitFor();
    expect(errors).toEqual([]);
    // An error instead of an answer, in the words of each protocol.
    await page.getByLabel("As it is written").fill("429:retry-after=2");
    await page.getByRole("button", { name: "Run" }).click();
    for (const [protocol, words] of [
      ["openai-chat", '"code":"provider_rate_limited"'],
      ["anthropic-messages", '"type":"error"'],
      ["gemini", '"status":'],
    ] as const) {
      await page.getByLabel("As", { exact: true }).selectOption(protocol);
      await page
        .getByLabel(/^Frames/)
        .filter({ hasText: /^HTTP 503/ })
        .filter({ hasText: words })
        .waitFor();
    }
  });

  test("the set-up says what is there, and keeps secrets", async () => {
    const secret = "sk-live-abcdefghijklmnop";
    const { url } = await startGateway({
      providers: { mine: { vendor: "openai-compatible", baseUrl: "http://127.0.0.1:9/v1", apiKey: secret } },
    });
    const { page, errors } = await openPage(browser, `${url}/#/set-up`);
    await page.getByRole("region", { name: "Providers" }).getByText("mine").waitFor();
    await page.getByText("OPENAI_API_KEY", { exact: true }).waitFor();
    expect(await page.content()).not.toContain(secret);
    expect(errors).toEqual([]);
  });

  test("with keys in use, the pages ask for one, and show what is its owner's", async () => {
    const key = "sk-test-0123456789abcdef";
    const { url } = await startGateway({ access: { keys: [{ name: "app", key }] } });
    const { page } = await openPage(browser, url);
    await page.getByLabel("This gateway needs a key").fill(key);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByRole("textbox", { name: "Message" }).fill("Hi");
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    expect(page.url()).not.toContain(key);
  });
});

/** A hundred of 100,000 streams. */
function pageOfMany(url: string) {
  const from = Number(new URL(url).searchParams.get("before") ?? 0);
  const data = Array.from({ length: 100 }, (_, index) => ({
    id: `st_${from + index}`,
    model: `model-${from + index}`,
    operation: "chat",
    startedAt: 1_700_000_000_000 - from - index,
    state: "closed",
    outcome: "completed",
    seamCount: 0,
  }));
  return { data, ...(from + 100 < 100_000 && { next: String(from + 100) }) };
}

async function lengthOf(page: Page): Promise<number> {
  const text = await page.getByRole("group", { name: "Answer" }).textContent();
  return text?.length ?? 0;
}
