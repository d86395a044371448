import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { EventSource } from "eventsource";
import { describe, expect, test } from "vitest";

import { eventually, startGateway } from "./support/gateway.ts";

const words = ["The ", "mill ", "stands\n", "by the ", "stream."];
const poet = async function* (): AsyncGenerator<string> {
  yield* words;
};

describe("an EventSource of Node", () => {
  test("collects the answer, line breaks included, and hears that it is done", async () => {
    const { url } = await startGateway({ models: { poet } });
    const source = new EventSource(`${url}/stream?prompt=go&model=poet`);
    let text = "";
    const summary = await new Promise<string>((resolve, reject) => {
      source.addEventListener("message", ({ data }) => (text += String(data)));
      source.addEventListener("done", ({ data }) => {
        // As the README shows; what follows is the `[DONE]` that tutorials look for in the data.
        source.close();
        resolve(String(data));
      });
      source.addEventListener("error", (event) => reject(new Error(event.message ?? "error")));
    });
    expect(text).toBe(words.join(""));
    expect(JSON.parse(summary)).toMatchObject({ finishReason: "stop" });
  });
});

describe("curl", () => {
  const curl = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("curl", ["-sN", "--max-time", "5", ...args])).stdout;
  const json = ["-H", "content-type: application/json", "-d"];

  test("reads chunked text, and a whole document", async () => {
    const { url } = await startGateway({ models: { poet } });
    expect(await curl(`${url}/generate`, ...json, '{"prompt":"go","model":"poet"}')).toBe(words.join(""));
    const body = '{"model":"poet","messages":[{"role":"user","content":"go"}]}';
    const document = JSON.parse(await curl(`${url}/v1/chat/completions`, ...json, body)) as unknown;
    expect(document).toMatchObject({ choices: [{ message: { content: words.join("") }, finish_reason: "stop" }] });
  });

  test("sees by its exit code that a text was stopped before its end", async () => {
    const held = async function* (): AsyncGenerator<string> {
      yield "half ";
      await new Promise(() => {});
    };
    const { url, headrace } = await startGateway({ models: { held } });
    const reading = curl(`${url}/generate`, ...json, '{"prompt":"go","model":"held"}');
    const outcome = reading.then(
      () => "complete",
      (error: unknown) => error,
    );
    await eventually(async () => {
      const [open] = await headrace.streams.list({ owner: "", limit: 1 });
      return (open?.entries ?? 0) > 2;
    }, "the first words");
    const [stream] = await headrace.streams.list({ owner: "", limit: 1 });
    await fetch(`${url}/v1/streams/${stream?.id}`, { method: "DELETE" });
    // 18 is curl's "transfer closed with outstanding data".
    expect(await outcome).toMatchObject({ code: 18, stdout: "half " });
  });
});

describe("stopping a stream", () => {
  test("runs the cleaning up of a generator that does not look at its signal", async () => {
    let cleanedUp = false;
    const stubborn = async function* (): AsyncGenerator<string> {
      try {
        while (true) {
          yield "on and ";
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        cleanedUp = true;
      }
    };
    const { headrace } = await startGateway({ models: { stubborn } });
    const answer = headrace.stream({ model: "stubborn", prompt: "go" });
    for await (const _token of answer.text) break;
    await answer.stop();
    expect((await answer.final).outcome).toBe("cancelled");
    await eventually(() => cleanedUp, "the generator's cleaning up");
    expect(cleanedUp).toBe(true);
  });
});
