import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";

const executablePath = "/usr/bin/chromium";

/** Why there is no browser; undefined when there is one. */
export const missingBrowser = existsSync(executablePath) ? undefined : "needs Chromium: apt-get install chromium";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: flags });
}

/** Builds the web UI if what it is made of has changed since. */
export function buildWebUi(): void {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["scripts/setup.mjs", "--web"], {
    cwd: root,
    encoding: "utf8",
  });
  // Without a word about it the one from before would be tested.
  const failed = status !== 0 || stderr.includes("could not be built") || !existsSync(`${root}dist/web/index.html`);
  if (failed) throw new Error(`no web UI was built: ${stderr}`);
}

export interface WatchedPage {
  page: Page;
  /** Addresses of other machines that the page wanted something from. */
  foreign: string[];
  /** Errors that no code of the page caught, and what the console shows as errors, refusals of its policy included. */
  errors: string[];
}

/** A page of its own, closed with the test, that tells what it asks for and what goes wrong in it. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const foreign: string[] = [];
  const errors: string[] = [];
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const asked = request.url();
    if (!asked.startsWith(origin) && !asked.startsWith("data:")) foreign.push(asked);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(url);
  return { page, foreign, errors };
}
