import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { StreamEvent } from "../src/core/events.ts";
import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { type Gateway, scriptedModel, startGateway } from "./support/gateway.ts";
import { ask, askInPlayground, killed, visit } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-accessibility.test.ts is skipped: ${missingBrowser}`);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A gateway on which a lot has happened, and something is going on. */
interface Busy extends Gateway {
  id: string;
  liveId: string;
}

type Step = (page: Page, gateway: Busy) => Promise<void>;

/** What a page can look like, with something on it; each goes on from the one before. */
const steps: Record<string, Step> = {
  "the playground": (page, gateway) => visit(page, gateway, "/"),
  "an answer": (page) => say(page, "sim/instant", "Show me some markdown"),
  "an answer with a seam": async (page) => {
    await say(page, "steady", "Why is the sky blue?");
    await page.locator("[data-seam]").first().waitFor();
  },
  "an answer that failed": async (page) => {
    await say(page, "sim/instant?fault=400", "Why?");
    await page.getByRole("alert").last().waitFor();
  },
  "a call of a tool": (page) => say(page, "caller", "What time is it?"),
  "the parameters": async (page) => {
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByRole("dialog").waitFor();
  },
  "a request as a program": async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Copy as" }).click();
    await page.getByRole("dialog").getByRole("tab").first().waitFor();
  },
  "two models that are answering": async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByLabel("Model 1", { exact: true }).selectOption("slow");
    await page.getByLabel("Model 2", { exact: true }).selectOption("slow");
    await askInPlayground(page, "Go on");
    await page.getByLabel("Conversation 2").getByText("one two").waitFor();
  },
  "the streams": async (page, gateway) => {
    await visit(page, gateway, "/streams");
    await page.getByRole("row").getByText("live").first().waitFor();
  },
  "the streams, with new ones that wait": async (page, gateway) => {
    await page.getByRole("table").evaluate((table) => table.scrollTo({ top: 300 }));
    await ask(gateway.url, { model: "sim/instant", prompt: "Hi" });
    await page.getByRole("button", { name: /new/ }).waitFor();
  },
  "no streams": async (page) => {
    await page.getByLabel("Id").fill("nothing has this id");
    await page
      .getByText(/^No (?:streams|stream)/)
      .first()
      .waitFor();
  },
  "a stream": async (page, gateway) => {
    await visit(page, gateway, `/streams/${gateway.id}`);
    await page.getByRole("group", { name: "Answer" }).waitFor();
  },
  "a stream's attempts": (page) => page.getByRole("tab", { name: "Attempts" }).click(),
  "a stream's frames": async (page) => {
    await page.getByRole("tab", { name: "Frames" }).click();
    await page
      .getByLabel(/^Frames as/)
      .filter({ hasText: "data:" })
      .waitFor();
  },
  "a stream's facts": (page) => page.getByRole("tab", { name: "More" }).click(),
  "a stream that is being written": async (page, gateway) => {
    await visit(page, gateway, `/streams/${gateway.liveId}`);
    await page.getByRole("button", { name: "Stop" }).waitFor();
  },
  "a stream that nobody knows": async (page, gateway) => {
    await page.goto(`${gateway.url}/#/streams/st_unknown`);
    await page.getByRole("alert").first().waitFor();
  },
  "the overview": async (page, gateway) => {
    await visit(page, gateway, "/overview");
    await page.getByRole("region", { name: "Targets" }).getByText("sim/instant", { exact: true }).waitFor();
  },
  "the simulator": (page, gateway) => visit(page, gateway, "/simulator"),
  "a simulated failure": async (page) => {
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    await page.getByLabel("Fault", { exact: true }).selectOption("error");
    await page.getByLabel("Let Headrace recover").uncheck();
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("alert").waitFor();
    await page
      .getByLabel(/^Frames as/)
      .filter({ hasText: "data:" })
      .waitFor();
  },
  "the set-up": (page, gateway) => visit(page, gateway, "/set-up"),
};

// Both themes and both widths, each once.
const looks = [
  { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const;

describe.skipIf(missingBrowser !== undefined)(
  "whoever sees, hears or touches the pages otherwise",
  { timeout: 90_000 },
  () => {
    let browser: Browser;

    beforeAll(async () => {
      buildWebUi();
      browser = await launchBrowser();
    }, 60_000);
    afterAll(() => browser?.close());

    test.each(looks)("can use all of them, $colorScheme, $viewport.width wide", async (look) => {
      const gateway = await startBusyGateway();
      const { page, foreign } = await openPage(browser, gateway.url, look);
      for (const [name, take] of Object.entries(steps)) {
        await take(page, gateway);
        expect.soft(await seriousProblems(page), name).toEqual([]);
        expect.soft(await page.evaluate(isTooWide), `${name} is wider than the screen`).toBe(false);
      }
      expect(foreign, "asked of somebody else than the gateway").toEqual([]);
    });

    test("can give the key that is asked for", async () => {
      const { url } = await startGateway({ access: { keys: [{ name: "app", key: "sk-test-0123456789abcdef" }] } });
      for (const look of looks) {
        const { page } = await openPage(browser, url, look);
        await page.getByLabel("This gateway needs a key").waitFor();
        expect(await seriousProblems(page)).toEqual([]);
        expect(await page.evaluate(isTooWide)).toBe(false);
      }
    });

    test("the checks notice what they are for", async () => {
      const { url } = await startGateway();
      const { page } = await openPage(browser, url, looks[1]);
      await page.getByRole("textbox", { name: "Message" }).waitFor();
      await page.evaluate(() => document.querySelector("main")?.append(document.createElement("button")));
      await page.evaluate(() => {
        const pale = Object.assign(document.createElement("p"), { textContent: "Nobody can read this" });
        pale.style.color = "#222";
        document.querySelector("main")?.append(pale);
      });
      expect(await seriousProblems(page)).toEqual([
        expect.stringContaining("button-name"),
        expect.stringContaining("color-contrast"),
      ]);
      expect(await page.evaluate(isTooWide)).toBe(false);
      await page.evaluate(() =>
        (document.querySelector("main") as HTMLElement).style.setProperty("min-width", "500px"),
      );
      expect(await page.evaluate(isTooWide)).toBe(true);
    });
  },
);

async function startBusyGateway(): Promise<Busy> {
  const slow = scriptedModel(["one ", "two ", "three "]);
  slow.hold(2);
  const call: StreamEvent[] = [
    { type: "attempt-start", provider: "caller", model: "caller" },
    { type: "tool-call-start", call: 0, callId: "call_1", name: "clock", kind: "function" },
    { type: "tool-call-delta", call: 0, argumentsText: `{"zone":"UTC"}` },
    { type: "finish", reason: "tool_calls" },
  ];
  const gateway = await startGateway({
    models: { slow: slow.model, caller: () => call },
    routes: {
      smart: { targets: ["sim/instant"] },
      steady: { targets: ["sim/instant?fault=cut@20", "sim/instant"] },
    },
  });
  const { url, headrace } = gateway;
  for (let count = 0; count < 30; count++) await ask(url, { model: "smart", prompt: "Hi" });
  await ask(url, { model: "sim/instant?fault=400", prompt: "Hi" });
  const id = await ask(url, killed("sim/instant"));
  const liveId = await headrace.stream({ model: "slow", prompt: "Go on" }).id;
  return { ...gateway, id, liveId };
}

/** Asks in the playground, and waits for the end. */
async function say(page: Page, model: string, question: string): Promise<void> {
  const picker = page.getByLabel("Model", { exact: true });
  if (model.includes("?")) {
    await picker.selectOption({ label: "Another model…" });
    await picker.and(page.getByRole("textbox")).fill(model);
    await page.keyboard.press("Enter");
  } else {
    await picker.selectOption(model);
  }
  const before = await page.getByRole("article").count();
  await askInPlayground(page, question);
  await page.getByRole("article").nth(before).and(page.locator("[aria-busy=false]")).waitFor();
}

/** What hinders people, as axe finds it. Evaluated by the test, not by the page, whose policy would not allow it. */
async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate(`axe.run({ resultTypes: ["violations"] })`)) as AxeResults;
  return violations.flatMap(({ id, impact, nodes }) =>
    impact === "serious" || impact === "critical" ? nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`) : [],
  );
}

/** Runs in the page: whether one has to scroll sideways to see all of it. */
function isTooWide(): boolean {
  const { scrollWidth, clientWidth } = document.documentElement;
  const page = document.querySelector("main > div");
  return scrollWidth > clientWidth || (page !== null && page.scrollWidth > page.clientWidth);
}
