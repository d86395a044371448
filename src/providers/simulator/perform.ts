import { AnswerFold } from "../../core/answer.ts";
import { errorFromReport } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { GenerateRequest } from "../../core/request.ts";
import type { Clock } from "../../core/time.ts";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Piece } from "./faults/byte-form.ts";
import { compressed } from "./faults/compression.ts";
import { type Fault, findFault, numberOf, textArgumentOf } from "./faults/fault.ts";
import { documentPieces, Wire } from "./faults/wire.ts";
import type { Plan } from "./plan.ts";
import { playAsBody, Playback } from "./playback.ts";

export interface Stage {
  protocol: Protocol;
  request: GenerateRequest;
  clock: Clock;
  signal: AbortSignal | undefined;
  faults: readonly Fault[];
}

/** Plays a plan as an HTTP response, as a stream or in one piece. */
export async function perform(plan: Plan, stage: Stage): Promise<Response> {
  const { protocol, request, clock, signal, faults } = stage;
  if (request.wantsStream !== true) return performWhole(plan, stage);
  const writer = protocol.createEventWriter(writeOptions(plan, stage));
  const playback = new Playback(plan, clock);
  const wire = new Wire(protocol, writer, faults);
  const body = playAsBody(
    async (stopping) => {
      const steps = await playback.next(stopping);
      return steps.length === 0 ? wire.finish() : wire.write(steps);
    },
    signal,
    clock,
  );
  return dressed(body, { "content-type": protocol.contentType, "cache-control": "no-cache", ...idOf(plan) }, faults);
}

/** An answer in one piece comes when its stream would have ended; one that breaks off is half a document. */
async function performWhole(plan: Plan, stage: Stage): Promise<Response> {
  const { protocol, clock, signal, faults } = stage;
  const playback = new Playback(plan, clock);
  const fold = new AnswerFold();
  const writer = protocol.createAnswerWriter?.(writeOptions(plan, stage));
  const never = new AbortController().signal;
  let broken: Piece | undefined;
  for (
    let steps = await playback.next(signal ?? never);
    steps.length > 0;
    steps = await playback.next(signal ?? never)
  ) {
    for (const step of steps) {
      if ("event" in step) {
        fold.add(step.event);
        writer?.add(step.event);
      } else if (step.mishap.type === "end") broken ??= { end: step.mishap.how };
    }
  }
  const { error } = fold.answer;
  if (error !== undefined) throw errorFromReport(error);
  const document = writer?.body() ?? protocol.writeAnswer(fold.answer, writeOptions(plan, stage));
  if (faults.length === 0) return respond(200, document, idOf(plan));
  const text = JSON.stringify(document);
  const whole = documentPieces(broken === undefined ? text : text.slice(0, text.length / 2), protocol, faults);
  let pieces = broken === undefined ? whole : [...whole.filter((piece) => !("end" in piece)), broken];
  const body = playAsBody(
    async () => {
      const next = pieces;
      pieces = [];
      return next;
    },
    signal,
    clock,
  );
  return dressed(body, { "content-type": "application/json", ...idOf(plan) }, faults);
}

function writeOptions({ answerId }: Plan, { request }: Stage): { streamId: string; includeUsage: boolean } {
  return { streamId: answerId, includeUsage: request.wantsUsage ?? false };
}

function idOf({ answerId }: Plan): Record<string, string> {
  return { "x-request-id": `req_${answerId}` };
}

/** Each costs a compressor, and nobody looks further once there is more than one. */
const mostRealLayers = 10;

/** A response with its headers as they should be, or as they are asked to be wrong. */
function dressed(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  headers: Record<string, string>,
  faults: readonly Fault[],
): Response {
  const type = findFault(faults, "content-type");
  const length = findFault(faults, "content-length");
  const gzip = findFault(faults, "gzip");
  const layers = gzip === undefined ? 0 : numberOf(gzip, "layers", 1);
  const realLayers = Math.min(layers, mostRealLayers);
  return new Response(layers === 0 ? body : compressed(body, realLayers), {
    headers: {
      ...headers,
      ...(type !== undefined && { "content-type": textArgumentOf(type, "type") ?? "text/plain" }),
      ...(length !== undefined && { "content-length": String(numberOf(length, "bytes", 100)) }),
      ...(layers > 0 && { "content-encoding": Array.from({ length: layers }, () => "gzip").join(", ") }),
    },
  });
}

export function respond(status: number, body: Json, headers: Record<string, string> = {}): Response {
  return new Response(encoder.encode(JSON.stringify(body)), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

const encoder = new TextEncoder();
