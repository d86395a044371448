import { describe, expect, test } from "vitest";

import { allFrames, idOf, readFrames } from "./support/gateway.ts";
import { startProcess, temporaryFolder } from "./support/process.ts";

const config = `
export default {
  models: {
    poet: async function* () {
      for (let index = 0; index < 4000; index++) {
        yield "w" + index + " ";
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
  },
};`;
const ask = (url: string): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "poet", stream: true, messages: [{ role: "user", content: "go" }] }),
  });

/** Reads until the connection breaks, and kills the gateway after so many frames. */
async function readUntilKilled(response: Response, killAfter: number, kill: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  try {
    for await (const frame of readFrames(response)) {
      seen.push(frame);
      if (seen.length === killAfter) void kill();
    }
  } catch {
    // The connection broke, which is the point.
  }
  return seen;
}

// Starting a process takes a moment, and on a busy machine many.
describe("a gateway that is killed in the middle of an answer", { timeout: 60_000 }, () => {
  test.each([1, 7, 40, 120])(
    "after %i frames has after its restart everything that a client saw, and exactly one end",
    async (killAfter) => {
      const folder = await temporaryFolder();
      const first = await startProcess(folder, config);
      const response = await ask(first.url);
      const id = response.headers.get("headrace-stream-id");
      const seen = await readUntilKilled(response, killAfter, first.kill);
      expect(seen.length).toBeGreaterThanOrEqual(killAfter);
      expect(seen.join("")).not.toContain("[DONE]");

      const second = await startProcess(folder, config);
      const whole = await allFrames(await fetch(`${second.url}/v1/streams/${id}`));
      expect(whole.slice(0, seen.length)).toEqual(seen);
      expect(whole.filter((frame) => frame.includes('"error"'))).toHaveLength(1);
      expect(whole.at(-1)).toContain("stream_interrupted");
      expect(whole.join("")).not.toContain("[DONE]");

      const rest = await fetch(`${second.url}/v1/streams/${id}?after=${idOf(seen.at(-1) as string)?.split(":")[1]}`);
      expect([...seen, ...(await allFrames(rest))]).toEqual(whole);
      await second.kill();
    },
  );

  test("keeps idempotency keys and the list of streams over the restart", async () => {
    const folder = await temporaryFolder();
    const first = await startProcess(folder, config);
    const once = (url: string): Promise<Response> =>
      fetch(`${url}/v1/streams`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "once" },
        body: JSON.stringify({ model: "poet", prompt: "go" }),
      });
    const started = (await once(first.url)).headers.get("headrace-stream-id");
    await first.kill();
    const second = await startProcess(folder, config);
    expect((await once(second.url)).headers.get("headrace-stream-id")).toBe(started);
    const list = (await (await fetch(`${second.url}/v1/streams`)).json()) as { data: { id: string; state: string }[] };
    expect(list.data).toMatchObject([{ id: started, state: "closed" }]);
  });
});

describe("a gateway that is asked to stop", { timeout: 60_000 }, () => {
  test("finishes open answers, and is not ready meanwhile", async () => {
    const folder = await temporaryFolder();
    const gateway = await startProcess(folder, config.replace("4000", "100"));
    const response = await ask(gateway.url);
    const frames: string[] = [];
    let stopped: Promise<void> | undefined;
    for await (const frame of readFrames(response)) {
      frames.push(frame);
      if (frames.length === 10) stopped = gateway.kill("SIGTERM");
    }
    expect(frames.at(-1)).toContain("[DONE]");
    await stopped;
  });
});
