import { describe, expect, test } from "vitest";
import { HeadraceError } from "../src/core/errors.ts";
import type { StreamEnd } from "../src/core/events.ts";
import { encodeAwsMessage } from "../src/protocols/aws-event-stream.ts";
import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";
import { readBody, readFixtures, writeBody } from "./conformance/protocol.ts";

const fixtures = [
  ...readFixtures("bedrock-converse", bedrockConverse),
  ...readFixtures("bedrock-converse/broken", bedrockConverse),
];

function bytesOf(name: string): Uint8Array {
  return fixtures.find((one) => one.name === name)?.bytes as Uint8Array;
}

describe("an answer that broke is never complete", () => {
  const codes: Record<string, string> = {
    cut: "stream-truncated",
    "cut-in-tool-call": "stream-truncated",
    "no-message-stop": "stream-truncated",
    empty: "stream-truncated",
    throttled: "provider-rate-limited",
    overloaded: "provider-overloaded",
    "too-long": "context-too-long",
    invalid: "provider-rejected",
  };

  function expectBroken(bytes: Uint8Array, code: string): void {
    const events = readBody(bedrockConverse, [bytes]);
    const end = events.at(-1) as StreamEnd;
    expect(end.outcome).toBe("failed");
    expect(end.error?.code).toBe(code);
    expect(events.filter(({ type }) => type === "stream-end")).toHaveLength(1);
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(readBody(bedrockConverse, single)).toEqual(events);
    expect(JSON.stringify(events)).not.toContain("SECRET");
    const written = writeBody(bedrockConverse, events);
    expect(written).not.toContain("messageStop");
    expect(written).toMatch(/\{"[a-z]\w+Exception":\{"message":".+"\}\}\n$/);
  }

  test.each(readFixtures("bedrock-converse/broken", bedrockConverse))("$name", ({ name, bytes }) => {
    expectBroken(bytes, codes[name] ?? "provider-error");
  });

  test("a message that is cut short", () => {
    const whole = bytesOf("length");
    const stopAt = Buffer.from(whole).indexOf("messageStop");
    expectBroken(whole.subarray(0, stopAt), "stream-truncated");
  });

  test("any bit that flipped on the way to the end of the text", () => {
    const whole = bytesOf("length");
    const stopAt = Buffer.from(whole).indexOf("messageStop");
    for (let at = 0; at < stopAt; at++) {
      const damaged = whole.slice();
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      const end = readBody(bedrockConverse, [damaged]).at(-1) as StreamEnd;
      expect([at, end.outcome, end.error?.code]).toEqual([at, "failed", "provider-error"]);
    }
  });

  test("an error that is in no model of the service", () => {
    const error = encodeAwsMessage({ messageType: "error", name: "InternalFailure", payload: "SECRET" });
    expectBroken(Buffer.concat([bytesOf("cut"), error]), "provider-error");
  });

  test.each(['{"message":"SECRET"}', "<html>SECRET</html>", "data: SECRET\n\n"])("%s instead of messages", (body) => {
    expectBroken(new TextEncoder().encode(body), "provider-error");
  });

  test("three payloads in a row that are no JSON; one costs no more than itself", () => {
    const bad = encodeAwsMessage({ messageType: "event", name: "contentBlockDelta", payload: "{oops SECRET" });
    expectBroken(Buffer.concat([bytesOf("cut"), bad, bad, bad]), "provider-error");
    const start = bytesOf("cut").subarray(0, 118);
    const good = bytesOf("length").subarray(118);
    const events = readBody(bedrockConverse, [Buffer.concat([start, bad, bad, good])]);
    expect(events).toEqual(readBody(bedrockConverse, [bytesOf("length")]));
  });

  test("a message of more than a mebibyte, as soon as its length is known", () => {
    const huge = encodeAwsMessage({ messageType: "event", name: "x", payload: "x".repeat(1024 * 1024) });
    const reader = bedrockConverse.createEventReader({});
    expect(reader.push(huge.subarray(0, 12))).toMatchObject([
      { outcome: "failed", error: { code: "response-too-large" } },
    ]);
    expect(reader.end()).toEqual([]);
  });
});

describe("errors", () => {
  test.each([
    [400, "ValidationException", "Malformed input request", "provider-rejected"],
    [
      400,
      "ValidationException:http://internal.example/coral/",
      "Input is too long for requested model.",
      "context-too-long",
    ],
    [400, "ValidationException", "The provided model identifier is invalid.", "model-not-found"],
    [400, "ValidationException", "Output blocked by content filtering policy", "content-filtered"],
    [400, "ServiceQuotaExceededException", "", "provider-quota"],
    [403, "AccessDeniedException", "", "provider-auth"],
    [403, "com.amazon.coral#InvalidSignatureException", "", "provider-auth"],
    [403, undefined, "Forbidden", "provider-auth"],
    [404, "ResourceNotFoundException", "", "model-not-found"],
    [404, undefined, "", "provider-error"],
    [408, "ModelTimeoutException", "", "provider-timeout"],
    [424, "ModelErrorException", "", "provider-error"],
    [429, "ThrottlingException", "", "provider-rate-limited"],
    [429, "ModelNotReadyException", "", "provider-overloaded"],
    [500, "InternalServerException", "", "provider-error"],
    [503, "ServiceUnavailableException", "", "provider-overloaded"],
    [503, undefined, "", "provider-overloaded"],
  ])("a provider's %i %s %s is %s", (status, type, message, code) => {
    const headers: Record<string, string> = type === undefined ? {} : { "x-amzn-errortype": type };
    const error = bedrockConverse.readError({
      status,
      headers,
      body: JSON.stringify({ message }),
    });
    expect(error.code).toBe(code);
    expect(error.providerStatus).toBe(status);
    expect(JSON.stringify(error.report())).not.toContain(message || "undefined");
  });

  test("ours carry the name that the vendor's clients look for", () => {
    const error = new HeadraceError("rate-limited", "slower, please", { retryAfterMs: 1200 });
    expect(bedrockConverse.writeError(error, "req_1")).toEqual({
      status: 429,
      headers: { "x-amzn-requestid": "req_1", "x-amzn-errortype": "ThrottlingException", "retry-after": "2" },
      body: { message: "slower, please" },
    });
  });
});
