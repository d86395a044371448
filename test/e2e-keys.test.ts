import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { startGateway } from "./support/gateway.ts";

if (missingBrowser !== undefined) console.warn(`e2e-keys.test.ts is skipped: ${missingBrowser}`);

const keyOf = (name: string): string => `sk-${name}-0123456789abcdef`;
const keys = [
  { name: "ann", key: keyOf("ann") },
  { name: "bob", key: keyOf("bob") },
  { name: "ops", key: keyOf("ops"), role: "admin" as const },
];

describe.skipIf(missingBrowser !== undefined)("with keys in use, the pages", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  /** The page of somebody, and a stream of Ann's. */
  async function openAs(name: string, path: string) {
    const { url } = await startGateway({ access: { keys } });
    const started = await fetch(`${url}/v1/streams`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${keyOf("ann")}` },
      body: JSON.stringify({ model: "sim/instant", prompt: "Sing" }),
    });
    await started.text();
    const { page, errors } = await openPage(browser, `${url}/${path}`);
    await page.getByLabel("This gateway needs a key").waitFor();
    // What was refused before there was a key is no secret.
    errors.length = 0;
    await giveKey(page, keyOf(name));
    return { url, page, errors, id: started.headers.get("headrace-stream-id") as string };
  }

  async function giveKey(page: Page, key: string): Promise<void> {
    await page.getByLabel("This gateway needs a key").fill(key);
    await page.getByRole("button", { name: "Use this key" }).click();
  }

  test("ask for one and show nothing else, say when it is wrong, and put it into no address", async () => {
    const { page } = await openAs("nobody", "#/overview");
    await page.getByText("That key is not known here").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(await page.getByRole("heading", { name: "Overview" }).count()).toBe(0);
    await giveKey(page, keyOf("ann"));
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(page.url()).toMatch(/#\/overview$/);
    expect(await page.evaluate("JSON.stringify(localStorage) + document.cookie")).not.toContain(keyOf("ann"));
  });

  test("show a user what is its own, and say of the rest that it takes an admin key", async () => {
    const { page, errors, id } = await openAs("ann", "#/overview");
    await page.getByText("with the key ann").waitFor();
    await page.getByRole("region", { name: "By model" }).getByText("sim/instant").waitFor();
    await page.getByText("Targets and their health are shown to those who have an admin key").waitFor();
    await page.getByRole("link", { name: "Set up" }).click();
    await page.getByText("Providers and the configuration are shown").waitFor();
    await page.getByRole("region", { name: "Point a client here" }).waitFor();
    await page.getByRole("link", { name: "Streams" }).click();
    await page.getByRole("row").getByRole("link").click();
    await page.getByRole("group", { name: "Answer" }).waitFor();
    expect(page.url()).toContain(id);
    expect([errors, await page.getByRole("alert").count()]).toEqual([[], 0]);
  });

  test("show a user no stream of another's, also after the key was changed", async () => {
    const { page, id } = await openAs("ann", "#/streams");
    await page.getByRole("row").getByRole("link").waitFor();
    await page.getByRole("button", { name: /Key ann/ }).click();
    await giveKey(page, keyOf("bob"));
    await page.getByText("No streams here").waitFor();
    await page.getByRole("button", { name: /Key bob/ }).waitFor();
    expect(await page.content()).not.toContain(id);
  });

  test("show an admin everything but what others were told", async () => {
    const { url, page, errors, id } = await openAs("ops", "#/overview");
    await page.getByRole("region", { name: "By key" }).getByText("ann").waitFor();
    await page.getByRole("region", { name: "Targets" }).last().getByText("sim/instant").waitFor();
    await page.goto(`${url}/#/set-up`);
    await page.getByRole("region", { name: "Providers" }).last().waitFor();
    for (const name of ["ann", "bob", "ops"]) expect(await page.content()).not.toContain(keyOf(name));
    await page.goto(`${url}/#/streams/${id}`);
    await page.getByText("What was said can be read with the key that started this stream, ann.").waitFor();
    await page.getByRole("tab", { name: "Frames" }).click();
    await page.getByText("What was said can be read with the key").waitFor();
    await page.getByRole("tab", { name: "Attempts" }).click();
    await page.getByRole("region", { name: "Attempts" }).waitFor();
    expect([errors, await page.getByRole("alert").count()]).toEqual([[], 0]);
  });
});
