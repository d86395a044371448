import { EventStreamCodec, Int64 } from "@smithy/eventstream-codec";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AwsMessage } from "../src/protocols/aws-event-stream.ts";
import { AwsEventStreamReader, encodeAwsMessage } from "../src/protocols/aws-event-stream.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const vendor = new EventStreamCodec(
  (bytes) => decoder.decode(bytes as Uint8Array),
  (text) => encoder.encode(text),
);

const anyMessage = fc.record({
  messageType: fc.constantFrom("event" as const, "exception" as const),
  name: fc.string({ maxLength: 40, unit: "binary" }),
  payload: fc.string({ unit: "binary" }),
});

function readAll(bytes: Uint8Array, sizes: readonly number[]): AwsMessage[] {
  const reader = new AwsEventStreamReader();
  const messages: AwsMessage[] = [];
  for (let start = 0, piece = 0; start < bytes.length; piece++) {
    const size = sizes[piece % sizes.length] ?? bytes.length;
    messages.push(...reader.push(bytes.subarray(start, start + size)));
    start += size;
  }
  expect(reader.failure).toBeUndefined();
  return messages;
}

describe("the AWS event stream encoding", () => {
  test("is written to the byte as the documented example", () => {
    const bytes = encodeAwsMessage({ messageType: "event", name: "messageStart", payload: '{"role":"assistant"}' });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599",
    );
  });

  test("is written as the vendor's codec reads it", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const { headers, body } = vendor.decode(encodeAwsMessage(message));
        const nameHeader = message.messageType === "event" ? ":event-type" : ":exception-type";
        expect(headers[":message-type"]?.value).toBe(message.messageType);
        expect(headers[nameHeader]?.value).toBe(message.name);
        expect(decoder.decode(body)).toBe(message.payload);
      }),
    );
  });

  test("is read as the vendor's codec writes it, with headers of every type, however it is cut", () => {
    const written = vendor.encode({
      headers: {
        yes: { type: "boolean", value: true },
        byte: { type: "byte", value: -3 },
        short: { type: "short", value: 300 },
        integer: { type: "integer", value: 70_000 },
        long: { type: "long", value: Int64.fromNumber(7) },
        binary: { type: "binary", value: Uint8Array.of(1, 2, 3) },
        ":message-type": { type: "string", value: "event" },
        when: { type: "timestamp", value: new Date(0) },
        uuid: { type: "uuid", value: "123e4567-e89b-42d3-a456-426614174000" },
        ":event-type": { type: "string", value: "somethingNew" },
      },
      body: encoder.encode('{"x":"é"}'),
    });
    const twice = Buffer.concat([written, written]);
    const expected = { messageType: "event", name: "somethingNew", payload: '{"x":"é"}' };
    for (let size = 1; size <= twice.length; size++) expect(readAll(twice, [size])).toEqual([expected, expected]);
  });

  test("comes back from any cutting", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 5 }), cuts, (messages, sizes) => {
        expect(readAll(Buffer.concat(messages.map(encodeAwsMessage)), sizes)).toEqual(messages);
      }),
    );
  });

  test("keeps what came before a damaged message, whether in the same read or not", () => {
    const good = encodeAwsMessage({ messageType: "event", name: "a", payload: "{}" });
    const bad = new Uint8Array(good);
    bad[good.length - 1] = (bad[good.length - 1] as number) ^ 1;
    for (const size of [1, good.length, good.length * 2]) {
      const reader = new AwsEventStreamReader();
      const all = Buffer.concat([good, bad]);
      const messages: AwsMessage[] = [];
      for (let start = 0; start < all.length; start += size)
        messages.push(...reader.push(all.subarray(start, start + size)));
      expect(messages).toHaveLength(1);
      expect(reader.failure?.code).toBe("provider-error");
      expect(reader.push(good)).toEqual([]);
    }
  });

  test("never reads more than its limit of one message", () => {
    const reader = new AwsEventStreamReader(100);
    expect(reader.push(encodeAwsMessage({ messageType: "event", name: "a", payload: "x".repeat(100) }))).toEqual([]);
    expect(reader.failure?.code).toBe("response-too-large");
  });
});
