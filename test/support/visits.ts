import type { Page } from "playwright-core";

import type { Gateway } from "./gateway.ts";

/** What is on a page only once it has what it asked for. */
const lastToCome = {
  "/": "button[aria-label=Send]",
  "/streams": "[role=row] a",
  "/streams/": "[role=img] canvas",
  "/overview": "[aria-label='By model'], .border-dashed",
  "/simulator": "select option",
  "/set-up": "[aria-label=Providers] td",
};

/** Opens a page, and waits until there is something on it. */
export async function visit(page: Page, { url }: Pick<Gateway, "url">, path: string): Promise<void> {
  await page.goto(`${url}/#${path}`);
  const last = Object.entries(lastToCome).findLast(([start]) => path.startsWith(start))?.[1] ?? "main";
  await page.locator(last).first().waitFor({ state: "attached" });
}

/** A request whose provider dies in the middle, twice. */
export function killed(model: string) {
  return { model: `${model}?fault=cut@20`, prompt: "Why is the sky blue?", headrace: { fallbacks: [model] } };
}

/** Asks and reads to the end; the stream's id. */
export async function ask(url: string, body: object): Promise<string> {
  const response = await fetch(`${url}/v1/streams`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.text();
  return response.headers.get("headrace-stream-id") ?? "";
}

/** Asks in the playground once it knows which model it asks. */
export async function askInPlayground(page: Page, question: string): Promise<void> {
  await page.waitForFunction(() => document.querySelector<HTMLSelectElement>("main select")?.value);
  await page.getByRole("textbox", { name: "Message" }).fill(question);
  await page.keyboard.press("Enter");
}
