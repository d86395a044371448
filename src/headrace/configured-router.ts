import type { Config, RouteConfig } from "../config.ts";
import type { Environment } from "../config/environment.ts";
import type { StreamSource } from "../core/source.ts";
import type { Clock, Randomness } from "../core/time.ts";
import { openProvider } from "../providers/open-provider.ts";
import { simulatorModels } from "../providers/simulator/models.ts";
import { createSimulatorProvider } from "../providers/simulator/source.ts";
import type { Transport } from "../providers/transport.ts";
import { createUserModelSource } from "../providers/user-model.ts";
import type { Vendor } from "../providers/vendors.ts";
import { vendors } from "../providers/vendors.ts";
import { Reliability } from "../reliability/reliability.ts";
import type { Resolved, Route, RoutedProvider, Router } from "../routing/router.ts";
import { createRouter } from "../routing/router.ts";
import type { Telemetry } from "../telemetry/open-telemetry.ts";
import type { FoundProviders } from "./found-providers.ts";

export interface RouterParts {
  found: FoundProviders;
  environment: Environment;
  transport: Transport;
  clock: Clock;
  randomness: Randomness;
  telemetry: Telemetry;
}

/** The router over all providers, routes and models of a configuration. */
export function createRouterFrom(config: Config, parts: RouterParts): Router {
  const { found, environment, transport, clock, randomness } = parts;
  const { propagate, describing } = parts.telemetry;
  const providers = new Map<string, RoutedProvider>();
  for (const [name, provider] of Object.entries(found)) {
    const { models } = provider;
    const opened = openProvider(name, provider, {
      environment,
      transport,
      clock,
      ...(propagate !== undefined && { propagate }),
    });
    providers.set(name, models === undefined ? opened : { ...opened, models });
  }
  if (!providers.has("sim")) {
    const provider = createSimulatorProvider({ clock });
    const label = "the simulator";
    providers.set("sim", { ...provider, vendor: "simulator", protocol: "openai-chat", label, models: simulatorModels });
  }
  const routes = Object.entries(config.routes).map(([name, route]) => [name, routeFrom(route)] as const);
  const models = new Map<string, StreamSource>();
  for (const [name, model] of Object.entries(config.models)) models.set(name, createUserModelSource(name, model));

  const defaultModel = Object.keys(config.routes)[0] ?? (Object.keys(found).length === 0 ? "sim/gpt-4o" : undefined);
  const router = createRouter({
    providers,
    routes: new Map(routes),
    models,
    reliability: new Reliability({ clock, randomness, settings: config.reliability }),
    hint: hintFor(environment),
    ...(defaultModel !== undefined && { defaultModel }),
  });
  return describing === undefined ? router : withDescribedSources(router, describing);
}

function withDescribedSources(router: Router, describing: NonNullable<Telemetry["describing"]>): Router {
  const described = (resolved: Resolved): Resolved => ({ ...resolved, source: describing(resolved.source) });
  return {
    ...router,
    resolve: (model, overrides) => described(router.resolve(model, overrides)),
    resolveCall: (model, call, overrides) => described(router.resolveCall(model, call, overrides)),
  };
}

function routeFrom({ targets, strategy, toolCalls, hedge, recovery, onDisconnect }: RouteConfig): Route {
  return {
    targets: targets.map((target) => {
      if (typeof target === "string") return { name: target };
      const { target: name, weight = 1, prefill } = target;
      return { name, weight, ...(prefill !== undefined && { prefill }) };
    }),
    strategy,
    toolCalls,
    ...(hedge !== undefined && { hedge }),
    ...(recovery !== undefined && { recovery }),
    ...(onDisconnect !== undefined && { onDisconnect }),
  };
}

function hintFor(environment: Environment): string {
  const variables = Object.values(vendors as Record<string, Vendor>).flatMap(
    ({ apiKeyVariable, baseUrl, onlyByName }) =>
      baseUrl === undefined || onlyByName === true ? [] : (apiKeyVariable ?? []),
  );
  const missing = [...new Set(variables)].filter((variable) => environment[variable] === undefined);
  return `Write it as provider/model; setting one of ${missing.join(", ")} makes its provider appear, others go under \`providers\``;
}
