import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { onTestFinished } from "vitest";

import type { AttemptEnded, Observation } from "../../src/core/observer.ts";
import type { GenerateRequest } from "../../src/core/request.ts";
import type { ConfigInput } from "../../src/index.ts";
import { systemClock } from "../../src/outside.ts";
import { createSimulator } from "../../src/providers/simulator/simulator.ts";
import { serveSimulator } from "../../src/runtimes/simulator.ts";
import { startGateway } from "./gateway.ts";
import type { NamedRow } from "./protocol-rows.ts";
import { allRows } from "./protocol-rows.ts";

/** Protocols that providers speak, and those that clients do. */
export const spoken = allRows.filter(({ spokenBy }) => spokenBy !== undefined);
export const served = allRows.filter((row) => row.served !== undefined);
export const rowNamed = (name: string): NamedRow => allRows.find(({ protocol }) => protocol.name === name) as NamedRow;

/**
 * A gateway with a provider for every protocol, called like the protocol and reached over sockets: the simulator is behind
 * all of them, and its faults break real connections.
 */
export async function startWire(config: ConfigInput = {}, provider?: Parameters<typeof serveSimulator>[0]) {
  const simulate = provider ?? createSimulator({ clock: systemClock });
  const simulator = await serveSimulator(simulate, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => simulator.close());
  const providers = Object.fromEntries(
    spoken.map(({ protocol, spokenBy }) => {
      const baseUrl = String(spokenBy?.baseUrl).replace("//simulator.local", `//127.0.0.1:${simulator.port}`);
      return [protocol.name, { ...spokenBy, vendor: String(spokenBy?.vendor), baseUrl }];
    }),
  );
  const observations: Observation[] = [];
  const outside = { observe: (seen: Observation) => void observations.push(seen), report: () => {} };
  const gateway = await startGateway({ providers, ...config }, outside);
  const attempts = (): AttemptEnded[] => observations.filter((seen) => seen.type === "attempt-ended");
  return { ...gateway, observations, attempts };
}

export function asked(model: string, more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model, messages: [{ role: "user", content: [{ type: "text", text: "go" }] }], ...more };
}

/** Sends a request with further headers. */
export function withHeaders(url: string, init: RequestInit, more: Record<string, string>): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return fetch(url, { ...init, headers });
}

/** Bytes in use, on the heap and beside it, after everything that nobody needs is gone. */
export function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return getHeapStatistics().used_heap_size + process.memoryUsage().external;
}
