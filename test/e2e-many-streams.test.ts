import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { UserModel } from "../src/core/user-model.ts";
import { SqliteLog } from "../src/log/sqlite-log.ts";
import { systemClock } from "../src/outside.ts";
import { SqliteRecords } from "../src/records/sqlite-records.ts";
import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { type Gateway, startGateway } from "./support/gateway.ts";
import { writeManyRecords } from "./support/many-records.ts";
import { expectSmooth, heapBytes, watchWork } from "./support/page-work.ts";
import { databasePath } from "./support/records.ts";

if (missingBrowser !== undefined) console.warn(`e2e-many-streams.test.ts is skipped: ${missingBrowser}`);

/** Once more where the machine has other things to do. */
const patiently = { timeout: 60_000, retry: 1 };

describe.skipIf(missingBrowser !== undefined)("the pages, with 100,000 finished streams", patiently, () => {
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), "headrace-many-"));
  const written = join(folder, "many.db");

  beforeAll(async () => {
    buildWebUi();
    [browser] = await Promise.all([launchBrowser(), writeBigDatabase(written)]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A gateway with a copy of it. */
  function startBigGateway(): Promise<Gateway> {
    const path = databasePath();
    copyFileSync(written, path);
    return startGateway({ log: { store: "sqlite", path, durability: "process" }, records: { keepDays: 60 }, models });
  }

  test("the list is there at once, and is read on as fast as anybody scrolls", async () => {
    const { url } = await startBigGateway();
    const { page, errors } = await openPage(browser, `${url}/#/streams`);
    await page.locator("[role=row] a").first().waitFor();
    expect(await page.evaluate(() => performance.now())).toBeLessThan(3_000);
    let blank = -1;
    const work = await watchWork(page, async () => {
      blank = await page.evaluate(scrollDown, 120);
    });
    const rows = await rowCount(page);
    expect(rows).toBeGreaterThan(1_000);
    expect(blank, "frames with a place where a row is missing").toBe(0);
    expectSmooth(work);
    // Each of them once, and no further than somewhat ahead.
    expect(work.requests.filter((path) => path === "/admin/streams").length).toBe(rows / 200 - 1);
    expect(await page.locator("*").count()).toBeLessThan(1_000);
    expect(await heapBytes(page)).toBeLessThan(30e6);
    expect(errors).toEqual([]);
  });

  test("the list can be gone through with the keyboard, to its end and back", async () => {
    const { url } = await startBigGateway();
    const { page } = await openPage(browser, `${url}/#/streams`);
    const table = page.getByRole("table", { name: "Streams" });
    await page.locator("[role=row] a").first().focus();
    for (let pages = 1; pages <= 5; pages++) {
      const reached = await rowCount(page);
      await page.keyboard.press("End");
      await expect.poll(() => rowCount(page)).toBeGreaterThan(reached);
    }
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Home");
    await expect.poll(() => table.evaluate((element) => element.scrollTop)).toBe(0);
    // The row that had the focus is gone from the page: the list has it, or no key would scroll.
    expect(await table.evaluate((element) => element === document.activeElement)).toBe(true);
  });

  test("a filter is answered at once, wherever the list was", async () => {
    const { url } = await startBigGateway();
    const { page } = await openPage(browser, `${url}/#/streams`);
    await page.locator("[role=row] a").first().waitFor();
    await page.evaluate(scrollDown, 30);
    await page.getByLabel("Outcome").selectOption("failed");
    await page.locator("[role=row]").filter({ hasText: "completed" }).first().waitFor({ state: "detached" });
    expect(await page.locator("[role=row]").filter({ hasText: "failed" }).count()).toBeGreaterThan(10);
    expect(await page.getByRole("table").evaluate((element) => element.scrollTop)).toBe(0);
    await page.getByLabel("Id").fill(`st_${"7919".padStart(22, "0")}`);
    await expect.poll(() => rowCount(page)).toBe(0);
    await page.getByLabel("Outcome").selectOption("");
    await expect.poll(() => rowCount(page)).toBe(1);
  });

  test("two hundred streams a second, and one that talks without end, do not keep the list from answering", async () => {
    const gateway = await startBigGateway();
    const { page, errors } = await openPage(browser, `${gateway.url}/#/streams`);
    await page.locator("[role=row] a").first().waitFor();
    const stop = startMany(gateway, 200);
    const work = await watchWork(page, () => page.waitForTimeout(2_000));
    expectSmooth(work);
    // As often as anybody can read, however much comes: the gateway tells four times a second.
    expect(work.layouts).toBeLessThan(2 * 25);
    expect(work.requests, "nothing is asked for again because of news").toEqual([]);
    expect(await page.locator("[role=row]").filter({ hasText: "short" }).count()).toBeGreaterThan(10);

    const table = page.getByRole("table", { name: "Streams" });
    await table.evaluate((element) => element.scrollTo({ top: 10_000 }));
    await page.getByRole("button", { name: /new/ }).waitFor();
    const changes = await page.evaluate(countRowChanges, 1_000);
    expect(changes, "changes under somebody who reads further down").toBe(0);
    await page.getByRole("button", { name: /new/ }).click();
    await stop();
    // What so many new ones have pushed down is not held for ever.
    expect(await rowCount(page)).toBeLessThanOrEqual(1_000);
    await page.getByLabel("Outcome").selectOption("cancelled");
    await page.locator("[role=row]").filter({ hasText: "chatty" }).getByText("stopped").waitFor();
    expect(errors).toEqual([]);
  });

  test("the overview adds all of them up, and asks as often as before when much goes on", async () => {
    const gateway = await startBigGateway();
    const { page, errors } = await openPage(browser, `${gateway.url}/#/overview`);
    const opened = await watchWork(page, async () => {
      await page.getByLabel("Time", { exact: true }).selectOption("720");
      await page
        .locator("dl > div")
        .filter({ hasText: "Requests" })
        .getByText(/^(?:99|100)/)
        .waitFor();
    });
    expectSmooth(opened);
    expect(await page.evaluate(() => performance.now())).toBeLessThan(5_000);
    // Where that takes longer than two seconds, the gateway gives up, and is asked again.
    expect(errors.filter((error) => !error.includes("503"))).toEqual([]);
    const stop = startMany(gateway, 200);
    const work = await watchWork(page, () => page.waitForTimeout(5_500));
    await stop();
    expectSmooth(work);
    expect(work.requests.length).toBeGreaterThanOrEqual(3);
    expect(work.requests.length).toBeLessThanOrEqual(6);
  });
});

/** The database of a gateway that has been running for a month. */
async function writeBigDatabase(path: string): Promise<void> {
  const log = SqliteLog.open({ path, durability: "process", now: systemClock.now });
  const shared = log.share();
  const records = await SqliteRecords.open({ ...shared, isBesideLog: true, clock: systemClock });
  await shared.write(() => writeManyRecords(shared.database, { end: Date.now() - 60_000 }));
  await records.close();
  await log.close();
}

const models: Record<string, UserModel> = {
  short: () => ["Hello ", "world"],
  async *chatty(_input, { signal }) {
    for (let word = 0; !signal.aborted; word++) {
      yield `word${word} `;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
};

/** Starts so many streams a second until it is told to stop, beside one that does not end by itself. */
function startMany({ headrace }: Gateway, perSecond: number): () => Promise<void> {
  const chatty = headrace.stream({ model: "chatty", prompt: "Go on" });
  const began = performance.now();
  let started = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (; started < due; started++) headrace.stream({ model: "short", prompt: "Hi" });
  }, 20);
  const stop = () => {
    clearInterval(timer);
    return chatty.stop();
  };
  onTestFinished(stop);
  return stop;
}

function rowCount(page: Page): Promise<number> {
  return page.evaluate(() => Number(document.querySelector("[role=table]")?.getAttribute("aria-rowcount") ?? 1) - 1);
}

/** Runs in the page: scrolls down by half a screen with each frame; in how many of them the rows did not fill the list. */
function scrollDown(frames: number): Promise<number> {
  const table = document.querySelector("[role=table]") as HTMLElement;
  let blank = 0;
  return new Promise((resolve) => {
    const step = () => {
      const { top, bottom } = table.getBoundingClientRect();
      const rows = [...table.querySelectorAll("[role=row]")].slice(1).map((row) => row.getBoundingClientRect());
      const from = Math.min(...rows.map((row) => row.top));
      const to = Math.max(...rows.map((row) => row.bottom));
      const isAtEnd = table.scrollHeight - table.scrollTop - table.clientHeight < 1;
      if (from > top + 40 || (to < bottom && !isAtEnd)) blank++;
      if (frames-- === 0) return resolve(blank);
      table.scrollTop += 400;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}

/** Runs in the page: how often anything within the rows changes. */
function countRowChanges(forMs: number): Promise<number> {
  let changes = 0;
  const observer = new MutationObserver((records) => (changes += records.length));
  const rows = document.querySelector("[role=table] > [role=rowgroup]:last-child");
  if (rows !== null) observer.observe(rows, { subtree: true, childList: true, attributes: true, characterData: true });
  return new Promise((resolve) => setTimeout(() => resolve(changes), forMs));
}
