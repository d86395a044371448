import { AnswerFold } from "../../core/answer.ts";
import { HeadraceError, toHeadraceError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";
import type { GenerateRequest } from "../../core/request.ts";
import type { Clock } from "../../core/time.ts";
import { protocols } from "../../protocols/all.ts";
import type { Protocol, RequestTarget } from "../../protocols/protocol.ts";
import { simulatorModels } from "./models.ts";
import type { Plan } from "./plan.ts";
import { planAnswer } from "./plan.ts";
import { playAsBody, Playback } from "./playback.ts";
import { SeededRandom } from "./random.ts";

export { simulatorModels } from "./models.ts";

export interface SimulatorOptions {
  /** Paces the tokens, and gives answers their date. */
  clock: Clock;
  /** Another seed, other answers; a seed in the request wins. Default `headrace`. */
  seed?: string | number;
  /** In [0, 1). When given, requests without a seed get a new answer each time. */
  random?: () => number;
}

export type Simulator = (request: Request | URL | string, init?: RequestInit) => Promise<Response>;

/**
 * Makes a `fetch` behind which nothing but simulated providers live.
 *
 * Answers depend on nothing but model, messages and seed; they come at the pace of the model asked for.
 *
 * @example
 * const client = new OpenAI({ baseURL: "http://simulator/v1", apiKey: "none", fetch: createSimulator({ clock }) });
 */
export function createSimulator({ clock, seed = "headrace", random }: SimulatorOptions): Simulator {
  const startedAt = clock.now();

  return async (target, init) => {
    const call = readCall(target, init);
    call.signal?.throwIfAborted();
    const found = findProtocol(call);
    const protocol = found?.protocol ?? protocols["openai-chat"];
    const requestSeed = random === undefined ? String(seed) : `${seed}/${random()}`;
    try {
      if (found === undefined) return respond(200, listModels(call, startedAt));
      if (call.method !== "POST") throw wrongMethod(call, "POST");
      const request = protocol.readRequest(await readJson(call), found.target);
      const plan = planAnswer(request, { createdAt: clock.now(), seed: requestSeed });
      return await perform(plan, { protocol, request, clock, signal: call.signal });
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      const requestId = `req_${new SeededRandom(`${call.path}/${requestSeed}`).id(24)}`;
      const { status, headers, body } = protocol.writeError(toHeadraceError(error), requestId);
      return respond(status, body, { ...headers, "x-request-id": requestId });
    }
  };
}

/** Whose words a path is spoken in. */
function findProtocol({ path, query }: Call): { protocol: Protocol; target: RequestTarget } | undefined {
  for (const protocol of Object.values(protocols)) {
    const target = protocol.endpoint?.read(path, query);
    if (target !== undefined) return { protocol, target };
  }
  return undefined;
}

interface Call {
  method: string;
  path: string;
  query: Record<string, string>;
  signal: AbortSignal | undefined;
  text: () => Promise<string>;
}

/** Takes a call apart without making a Request of it, which costs more than all the rest. */
function readCall(target: Request | URL | string, init: RequestInit = {}): Call {
  const request = target instanceof Request ? target : undefined;
  const url = target instanceof Request ? new URL(target.url) : new URL(target);
  const { body } = init;
  return {
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    path: url.pathname.replace(/(?<=.)\/$/, ""),
    query: Object.fromEntries(url.searchParams),
    signal: init.signal ?? request?.signal,
    text: async () => {
      if (typeof body === "string") return body;
      return body === undefined || body === null ? ((await request?.text()) ?? "") : new Response(body).text();
    },
  };
}

async function readJson({ text }: Call): Promise<JsonObject> {
  let body: unknown;
  try {
    body = JSON.parse(await text());
  } catch (error) {
    throw new HeadraceError("invalid-request", "the body is not valid JSON", { cause: error });
  }
  if (isJsonObject(body)) return body;
  throw new HeadraceError("invalid-request", "the body must be a JSON object with `model` and `messages`");
}

interface Stage {
  protocol: Protocol;
  request: GenerateRequest;
  clock: Clock;
  signal: AbortSignal | undefined;
}

/** Plays a plan as an HTTP response, as a stream or in one piece. */
async function perform(plan: Plan, { protocol, request, clock, signal }: Stage): Promise<Response> {
  const options = { streamId: plan.answerId, includeUsage: request.wantsUsage ?? false };
  const headers = { "x-request-id": `req_${plan.answerId}` };
  const playback = new Playback(plan, clock);
  if (request.wantsStream) {
    const writer = protocol.createEventWriter(options);
    const body = playAsBody(playback, signal, (events) =>
      toWire(
        events.flatMap((event) => writer.write(event)),
        protocol,
      ),
    );
    return new Response(body, {
      headers: { ...headers, "content-type": protocol.contentType, "cache-control": "no-cache" },
    });
  }
  const fold = new AnswerFold();
  const never = new AbortController().signal;
  for (
    let events = await playback.next(signal ?? never);
    events.length > 0;
    events = await playback.next(signal ?? never)
  ) {
    for (const event of events) fold.add(event);
  }
  return respond(200, protocol.writeAnswer(fold.answer, options), headers);
}

function respond(status: number, body: Json, headers: Record<string, string> = {}): Response {
  return new Response(encoder.encode(JSON.stringify(body)), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

const encoder = new TextEncoder();

/** Every frame of every stream passes here, and nowhere else; whatever is to go wrong on the wire goes wrong here. */
function toWire(frames: readonly string[], { encodeFrame }: Protocol): Uint8Array<ArrayBuffer> {
  if (encodeFrame === undefined) return encoder.encode(frames.join(""));
  return new Uint8Array(Buffer.concat(frames.map(encodeFrame)));
}

function listModels(call: Call, startedAt: number): JsonObject {
  const describe = (id: string) => ({
    id,
    object: "model",
    created: Math.floor(startedAt / 1000),
    owned_by: "headrace-simulator",
  });
  const [, id] = /^\/v1\/models(?:\/(.+))?$/.exec(call.path) ?? [];
  if (!call.path.startsWith("/v1/models")) {
    throw new HeadraceError(
      "not-found",
      `there is no ${call.path} here; try POST /v1/chat/completions or GET /v1/models`,
    );
  }
  if (call.method !== "GET") throw wrongMethod(call, "GET");
  if (id === undefined) return { object: "list", data: simulatorModels.map(describe) };
  if (simulatorModels.includes(id)) return describe(id);
  throw new HeadraceError(
    "model-not-found",
    `the simulator has no model \`${id}\`; it has ${simulatorModels.join(", ")}`,
  );
}

function wrongMethod({ method, path }: Call, right: string): HeadraceError {
  return new HeadraceError("method-not-allowed", `${path} takes ${right}, not ${method}`);
}
