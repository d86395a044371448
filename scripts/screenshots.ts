// Writes docs/images/*.png: each page of the web UI in light, in dark and on a small screen. Needs Chromium.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

import { createHeadrace, serve } from "../src/index.ts";
import { systemClock } from "../src/outside.ts";

const folder = fileURLToPath(new URL("../docs/images/", import.meta.url));
const wide = { viewport: { width: 1280, height: 800 } };

const looks: Record<string, BrowserContextOptions> = {
  light: { ...wide, colorScheme: "light" },
  dark: { ...wide, colorScheme: "dark" },
  small: { viewport: { width: 390, height: 844 }, colorScheme: "light" },
};

// A day goes by while the gateway is asked: only what it takes for the date is moved.
let behindMs = 0;
const clock = { ...systemClock, now: () => Date.now() - behindMs };
const hourMs = 3_600_000;

mkdirSync(folder, { recursive: true });
const headrace = await createHeadrace(
  {
    log: { store: "memory" },
    routes: { smart: { targets: ["sim/gpt-4o", "sim/claude-3-5-sonnet"] }, fast: { targets: ["sim/gpt-4o-mini"] } },
  },
  { environment: {}, clock, report: () => {} },
);
const server = await serve(headrace, { port: Number(process.env["PORT"] ?? 8484) });
const survivor = await haveADay();
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const [look, options] of Object.entries(looks)) await photograph(browser, look, options);
await browser.close();
await server.close();

/** Asks a day's questions in a few seconds. Returns the id of an answer that two providers died over. */
async function haveADay(): Promise<string> {
  const models = ["smart", "fast", "sim/claude-3-haiku", "sim/gpt-4o-mini", "sim/o4-mini"];
  const answers: Promise<unknown>[] = [];
  for (let hour = 23; hour >= 0; hour--) {
    behindMs = hour * hourMs;
    const count = 2 + Math.round(4 * Math.sin((hour / 24) * Math.PI));
    for (let index = 0; index < count; index++) {
      const failing = (hour * 7 + index) % 11 === 0;
      const model = failing ? "sim/gpt-4o-mini?fault=400" : (models[(hour + index) % models.length] ?? "smart");
      answers.push((await ask({ model, prompt: `Tell me about the number ${hour * 10 + index}` })).text());
    }
  }
  await Promise.all(answers);
  const prompt = "Why is the sky blue?";
  const response = await ask({ ...killed("sim/gpt-4o-mini", "sim/claude-3-haiku"), prompt });
  await response.text();
  return response.headers.get("headrace-stream-id") ?? "";
}

function killed(model: string, next: string) {
  return { model: `${model}?fault=cut@20`, headrace: { fallbacks: [next], tags: { team: "search" } } };
}

function ask(body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`${server.url}/v1/streams`, { method: "POST", headers, body: JSON.stringify(body) });
}

async function photograph(on: Browser, look: string, options: BrowserContextOptions): Promise<void> {
  const context = await on.newContext(options);
  const page = await context.newPage();
  const take = (name: string) => page.screenshot({ path: `${folder}${name}-${look}.png`, animations: "disabled" });

  await page.goto(server.url);
  await page.getByLabel("Model", { exact: true }).selectOption("sim/gpt-4o-mini");
  await page.getByRole("button", { name: "See an answer survive the death of its provider" }).click();
  await page.getByRole("button", { name: "Regenerate" }).waitFor();
  await settle(page);
  await take("playground");

  for (const [name, path] of [
    ["streams", "/streams"],
    ["stream", `/streams/${survivor}`],
    ["overview", "/overview"],
    ["set-up", "/set-up"],
    ["simulator", "/simulator"],
  ] as const) {
    await page.goto(`${server.url}/#${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    if (name === "simulator") await page.getByRole("button", { name: "Run" }).click();
    await settle(page);
    await take(name);
  }
  await context.close();
}

/** What a page asked for has come, and what moves has come to rest. */
function settle(page: Page): Promise<void> {
  return page.waitForTimeout(3_500);
}
