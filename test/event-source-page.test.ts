import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

const executablePath = "/usr/bin/chromium";
const missing = existsSync(executablePath) ? undefined : "needs Chromium: apt-get install chromium";
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]);
if (missing !== undefined) console.warn(`event-source-page.test.ts is skipped: ${missing}`);

describe.skipIf(missing !== undefined)("the EventSource page in a browser", () => {
  let browser: Browser;
  let serverUrl: string;
  let stopServer: () => Promise<unknown>;

  beforeAll(async () => {
    const server = spawn(process.execPath, ["examples/event-source/server.ts"], {
      cwd: new URL("../", import.meta.url),
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(server, "exit");
    stopServer = () => {
      server.kill("SIGTERM");
      return exited;
    };
    const failed = exited.then(([code]) => Promise.reject(new Error(`the example ended with code ${code}`)));
    const [line] = (await Promise.race([once(createInterface(server.stdout), "line"), failed])) as [string];
    // From here on it ends when it is told to.
    failed.catch(() => {});
    serverUrl = line.replace("Open ", "");
    browser = await chromium.launch({ executablePath, args: flags });
  }, 30_000);

  afterAll(async () => {
    await browser?.close();
    await stopServer?.();
  });

  /** The newest stream's text, as a reader who was never interrupted gets it. */
  async function latestAnswer(): Promise<string> {
    const list = (await (await fetch(`${serverUrl}/v1/streams?limit=1`)).json()) as { data: { id: string }[] };
    return (await fetch(`${serverUrl}/v1/streams/${list.data[0]?.id}?as=text`)).text();
  }

  /** Opens the page and asks; resolves when it says that the answer is complete. */
  async function ask(url: string) {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    const lengths: number[] = [];
    await page.exposeFunction("noteLength", (length: number) => lengths.push(length));
    await page.goto(`${url}/?model=sim/gpt-4o-mini`);
    await page.evaluate(() => {
      const answer = document.querySelector("#answer");
      const note = (window as unknown as { noteLength(length: number): void }).noteLength;
      new MutationObserver(() => note(answer?.textContent?.length ?? 0)).observe(answer as Node, { childList: true });
    });
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText(/^done: /).waitFor({ timeout: 15_000 });
    return { page, lengths, text: await page.locator("#answer").textContent() };
  }

  test("shows the answer as it arrives, and that it is complete", async () => {
    const { lengths, text } = await ask(serverUrl);
    expect(text).toBe(await latestAnswer());
    expect(text?.length).toBeGreaterThan(50);
    expect(new Set(lengths).size).toBeGreaterThan(5);
  });

  test("survives a lost connection and shows what an uninterrupted reader reads", async () => {
    const before = await streamsStarted(serverUrl);
    const proxy = await startCuttingProxy(serverUrl, { afterBytes: 1_000 });
    const { text } = await ask(proxy.url);
    expect(proxy.requests).toHaveLength(2);
    expect(proxy.requests[1]).toMatch(/^last-event-id: st_\w+:1-\d+/im);
    expect(text).toBe(await latestAnswer());
    expect(await streamsStarted(serverUrl)).toBe(before + 1);
  });

  test("is never sent round in circles after the end, not even by a page that does not close", async () => {
    const proxy = await startCuttingProxy(serverUrl, { afterBytes: Infinity });
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(proxy.url);
    const text = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const source = new EventSource("/stream?model=sim/instant&prompt=hello");
          let answer = "";
          source.onmessage = ({ data }) => (answer += data === "[DONE]" ? "" : data);
          source.onerror = () => {
            if (source.readyState === EventSource.CLOSED) resolve(answer);
          };
        }),
    );
    expect(text).toBe(await latestAnswer());
    expect(proxy.requests).toHaveLength(2);
  });
});

async function streamsStarted(url: string): Promise<number> {
  const list = (await (await fetch(`${url}/v1/streams?limit=100`)).json()) as { data: unknown[] };
  return list.data.length;
}

/** Passes everything on, but cuts the first connection that carries a stream after so many bytes of it. */
async function startCuttingProxy(target: string, { afterBytes }: { afterBytes: number }) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    let bytesLeft = Infinity;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // A cut is what this is for; the other side of it goes too.
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      const request = bytes.toString("latin1");
      if (request.startsWith("GET /stream")) {
        requests.push(request);
        if (requests.length === 1) bytesLeft = afterBytes;
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      client.write(bytes.subarray(0, bytesLeft));
      bytesLeft -= bytes.length;
      if (bytesLeft <= 0) client.destroySoon();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
