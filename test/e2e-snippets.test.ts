import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { buildWebUi, launchBrowser, missingBrowser, openPage } from "./support/browser.ts";
import { startGateway } from "./support/gateway.ts";

if (missingBrowser !== undefined) console.warn(`e2e-snippets.test.ts is skipped: ${missingBrowser}`);

const root = fileURLToPath(new URL("../", import.meta.url));
const key = "sk-test-0123456789abcdef";
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** In place of OpenAI's library, which is not everybody's: makes the call with what it was given. */
const openaiForPython = `
import json, urllib.request
class OpenAI:
    def __init__(self, base_url, api_key):
        self.base_url, self.api_key = base_url, api_key
        self.chat = self.completions = self
    def create(self, extra_body={}, **fields):
        headers = {"content-type": "application/json", "authorization": "Bearer " + self.api_key}
        body = json.dumps({**fields, **extra_body}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.base_url + "/chat/completions", body, headers)) as answer:
            for line in answer:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:], object_hook=lambda fields: Fields(fields))
class Fields(dict):
    def __getattr__(self, name):
        return self.get(name)
`;

describe.skipIf(missingBrowser !== undefined)("what the playground copies", () => {
  let browser: Browser;

  beforeAll(async () => {
    buildWebUi();
    browser = await launchBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  async function openWithKey() {
    const { url } = await startGateway({ access: { keys: [{ name: "app", key }] } });
    const { page } = await openPage(browser, url);
    await page.getByLabel("This gateway needs a key").fill(key);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByLabel("Model", { exact: true }).selectOption("sim/instant");
    return page;
  }

  test("runs in every language, with parameters, images and a key in use", async () => {
    const page = await openWithKey();
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByLabel("System prompt").fill(`It's "quoted" \\ \${here}\nand $HOME \`there\``);
    await page.getByLabel("Temperature").fill("0.5");
    await page.getByLabel("Stop at").fill("never said, 'nor this'");
    await page.getByLabel("Other fields").fill('{"headrace": {"tags": {"from": "a snippet"}}, "n": 1, "user": null}');
    await page.keyboard.press("Escape");
    await page.getByLabel("Images", { exact: true }).setInputFiles({
      name: "large.png",
      mimeType: "image/png",
      // Larger than an argument of a command may be.
      buffer: Buffer.concat([Buffer.from(onePixel, "base64"), Buffer.alloc(200_000)]),
    });
    await page.getByRole("img", { name: "large.png" }).waitFor();
    await page.getByRole("textbox", { name: "Message" }).fill("Why is the sky blue?");
    for (const [language, output] of Object.entries(await outputs(page))) {
      expect(output, language).toContain("Sunlight");
    }
  });

  test("asks what was asked last, not what was answered, and shows what the model calls", async () => {
    const page = await openWithKey();
    await page.getByRole("button", { name: "Parameters" }).click();
    await page.getByRole("button", { name: "Example tool" }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("textbox", { name: "Message" }).fill("What is the weather in Paris?");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Regenerate" }).waitFor();
    for (const [language, output] of Object.entries(await outputs(page))) {
      expect(output, language).toContain("get_weather");
    }
  });
});

/** What each snippet prints when it is run as it is. */
async function outputs(page: Page): Promise<Record<string, string>> {
  await page.getByRole("button", { name: "Copy as" }).click();
  const results: Record<string, string> = {};
  for (const language of ["curl", "OpenAI for JavaScript", "OpenAI for Python", "fetch"]) {
    await page.getByRole("tab", { name: language }).click();
    const snippet = (await page.getByLabel("snippet", { exact: true }).textContent()) ?? "";
    expect(snippet).not.toContain(key);
    results[language] = await run(language, snippet);
  }
  return results;
}

function run(language: string, snippet: string): Promise<string> {
  if (language === "curl") return outputOf("bash", ["-s"], snippet);
  if (language !== "OpenAI for Python") return outputOf(process.execPath, ["--input-type=module", "-"], snippet);
  const folder = mkdtempSync(join(tmpdir(), "headrace-python-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "openai.py"), openaiForPython);
  return outputOf("python3", ["-"], snippet, { PYTHONPATH: folder });
}

function outputOf(command: string, args: string[], stdin: string, env: Record<string, string> = {}): Promise<string> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env, HEADRACE_API_KEY: key } });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve(output));
  });
}
