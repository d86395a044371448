import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

import { ProtobufMessage } from "./protobuf.ts";

export type Attributes = Record<string, unknown>;

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: "internal" | "server" | "client" | "other";
  startMs: number;
  endMs: number;
  attributes: Attributes;
  events: { name: string; atMs: number; attributes: Attributes }[];
  isError: boolean;
  statusMessage: string;
  resource: Attributes;
}

/**
 * A collector of OpenTelemetry traces over HTTP and protobuf.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
export async function startOtlpReceiver({ answers = 200 }: { answers?: number | "nothing" } = {}) {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      bodies.push(body);
      headers.push(request.headers);
      if (answers === "nothing") return;
      const isTraces = request.url === "/v1/traces" && request.headers["content-type"] === "application/x-protobuf";
      if (answers === 200 && isTraces) spans.push(...readSpans(body));
      response.writeHead(isTraces ? answers : 404).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, tracesUrl: `${url}/v1/traces`, spans, bodies, headers };
}

function readSpans(body: Buffer): ReceivedSpan[] {
  return new ProtobufMessage(body).messages(1).flatMap((resourceSpans) => {
    const resource = attributesOf(resourceSpans.messages(1)[0], 1);
    return resourceSpans.messages(2).flatMap((scope) => scope.messages(2).map((span) => readSpan(span, resource)));
  });
}

function readSpan(span: ProtobufMessage, resource: Attributes): ReceivedSpan {
  const kinds: Record<string, ReceivedSpan["kind"]> = { 1: "internal", 2: "server", 3: "client" };
  const status = span.messages(15)[0];
  return {
    traceId: span.hex(1),
    spanId: span.hex(2),
    traceState: span.text(3),
    parentSpanId: span.hex(4),
    name: span.text(5),
    kind: kinds[String(span.number(6))] ?? "other",
    startMs: Number(span.number(7)) / 1e6,
    endMs: Number(span.number(8)) / 1e6,
    attributes: attributesOf(span, 9),
    events: span.messages(11).map((event) => ({
      atMs: Number(event.number(1)) / 1e6,
      name: event.text(2),
      attributes: attributesOf(event, 3),
    })),
    isError: status?.number(3) === 2n,
    statusMessage: status?.text(2) ?? "",
    resource,
  };
}

function attributesOf(message: ProtobufMessage | undefined, field: number): Attributes {
  const pairs = message?.messages(field) ?? [];
  return Object.fromEntries(pairs.map((pair) => [pair.text(1), valueOf(pair.messages(2)[0])]));
}

function valueOf(value: ProtobufMessage | undefined): unknown {
  if (value === undefined) return undefined;
  if (value.has(1)) return value.text(1);
  if (value.has(2)) return value.number(2) === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, value.number(3)));
  if (value.has(4)) return asDouble(value.number(4));
  if (value.has(5)) return (value.messages(5)[0]?.messages(1) ?? []).map(valueOf);
  return undefined;
}

function asDouble(bits: bigint): number {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(bits);
  return buffer.readDoubleLE();
}
