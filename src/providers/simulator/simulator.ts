import { HeadraceError, toHeadraceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Clock } from "../../core/time.ts";
import { protocols } from "../../protocols/all.ts";
import type { Protocol, RequestTarget } from "../../protocols/protocol.ts";
import { type Call, readCall, readJson, wrongMethod } from "./call.ts";
import { complete, type CompletionOptions } from "./completions.ts";
import { embed } from "./embeddings.ts";
import { BrokenConnection } from "./faults/connection.ts";
import { findFault, numberOf } from "./faults/fault.ts";
import { type Order, Orders } from "./faults/orders.ts";
import { spoilPlan } from "./faults/plan-faults.ts";
import { refuse } from "./faults/refusals.ts";
import { readScenario, type ScenarioInput } from "./faults/scenario.ts";
import { simulatorModels } from "./models.ts";
import type { PlanOptions } from "./plan.ts";
import { planAnswer } from "./plan.ts";
import { perform, respond } from "./perform.ts";
import { SeededRandom } from "./random.ts";

export { simulatorModels } from "./models.ts";

export interface SimulatorOptions {
  /** Paces the tokens, and gives answers their date. */
  clock: Clock;
  /** Another seed, other answers; a seed in the request wins. Default `headrace`. */
  seed?: string | number;
  /** In [0, 1). When given, requests without a seed get a new answer each time. */
  random?: () => number;
  /** What is to go wrong when, besides what requests ask for themselves. */
  scenario?: ScenarioInput;
}

export type Simulator = (request: Request | URL | string, init?: RequestInit) => Promise<Response>;

/**
 * Makes a `fetch` behind which nothing but simulated providers live.
 *
 * Answers depend on nothing but model, messages and seed; they come at the pace of the model asked for. What is asked for
 * in the model's name (`gpt-4o?fault=cut@40`), in the header `x-simulator-fault` or in a scenario goes wrong.
 *
 * @throws HeadraceError `invalid-request` - the scenario is wrong.
 *
 * @example
 * const client = new OpenAI({ baseURL: "http://simulator/v1", apiKey: "none", fetch: createSimulator({ clock }) });
 */
export function createSimulator({ clock, seed: ownSeed, random, scenario: written }: SimulatorOptions): Simulator {
  const scenario = written === undefined ? undefined : readScenario(written);
  const seed = String(ownSeed ?? scenario?.seed ?? "headrace");
  const orders = new Orders({ clock, seed, scenario });
  const startedAt = clock.now();

  return async (target, init) => {
    const call = readCall(target, init);
    call.signal?.throwIfAborted();
    const found = findProtocol(call);
    const protocol = found?.protocol ?? protocols["openai-chat"];
    const requestSeed = random === undefined ? seed : `${seed}/${random()}`;
    const requestId = () => `req_${new SeededRandom(`${call.path}/${requestSeed}`).id(24)}`;
    try {
      const isOther = call.path.endsWith("/embeddings") || call.path.endsWith("/completions");
      if (found === undefined && !isOther) return respond(200, listModels(call, startedAt));
      if (call.method !== "POST") throw wrongMethod(call, "POST");
      if (found === undefined) return await answerOther(call, { clock, seed: requestSeed, signal: call.signal });
      const asked = protocol.readRequest(await readJson(call), found.target);
      const order = orders.take(asked.model, call.faults);
      const request = { ...asked, model: order.model };
      const { signal } = call;
      const options = planOptions(order, {
        createdAt: clock.now(),
        seed: requestSeed,
        protocol: protocol.name,
      });
      if (order.faults.length > 0) {
        const refused = await refuse(order.faults, { protocol, request, clock, signal, requestId: requestId() });
        if (refused !== undefined) return refused;
      }
      const plan = spoilPlan(planAnswer(request, options), order.faults);
      return await perform(plan, { protocol, request, clock, signal, faults: order.faults });
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason;
      if (error instanceof BrokenConnection) throw error;
      const { status, headers, body } = protocol.writeError(toHeadraceError(error), requestId());
      return respond(status, body, { ...headers, "x-request-id": requestId() });
    }
  };
}

/** What of OpenAI's API is no protocol of ours. */
async function answerOther(call: Call, options: CompletionOptions): Promise<Response> {
  const body = await readJson(call);
  return call.path.endsWith("/embeddings") ? respond(200, embed(body)) : complete(body, options);
}

function planOptions({ faults, words, intervalMs, signed }: Order, options: PlanOptions): PlanOptions {
  const continuing = (["restart", "paraphrase", "repeat"] as const).find(
    (name) => findFault(faults, name) !== undefined,
  );
  const repeat = findFault(faults, "repeat");
  return {
    ...options,
    manner: {
      ...(words !== undefined && { words }),
      ...(continuing !== undefined && { continuing }),
      ...(repeat !== undefined && { repeatedWords: numberOf(repeat, "words", 8) }),
    },
    ...(intervalMs !== undefined && { intervalMs }),
    ...(signed !== undefined && { signed }),
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
