import { HeadraceError } from "../core/errors.ts";
import type { ProtocolName } from "../core/events.ts";
import { operationOf } from "../core/operation.ts";
import type { CallProvider, PassedCall } from "../core/provider-call.ts";
import type { StreamSource } from "../core/source.ts";
import type { Hedge, Reliability, RouteOptions, TargetState } from "../reliability/reliability.ts";
import type { ServedTarget } from "../reliability/target.ts";

/** A provider as the router sees it. */
export interface RoutedProvider {
  source: StreamSource;
  /** For what is passed through as it is; missing where the provider has nothing of the kind. */
  call?: CallProvider;
  /** As in the vendor table. */
  vendor: string;
  protocol: ProtocolName;
  /** Models to list; others are passed on all the same. */
  models?: readonly string[];
  /** Beginnings of model names that belong to this provider even without `provider/`. */
  modelPrefixes?: readonly string[];
  /** Whose models they are, for people. */
  label: string;
}

/** What a route may try, and what its owner knows better than we do. */
export interface RoutedTarget {
  /** `provider/model`, or one of the user's own models. */
  name: string;
  weight?: number;
  prefill?: boolean;
}

export interface Route extends Omit<RouteOptions, "weights"> {
  targets: readonly RoutedTarget[];
  onDisconnect?: "continue" | "cancel";
}

export interface RouterOptions {
  providers: ReadonlyMap<string, RoutedProvider>;
  /** By public model name. */
  routes: ReadonlyMap<string, Route>;
  /** User-written models by name. */
  models: ReadonlyMap<string, StreamSource>;
  reliability: Reliability;
  /** What is used when a request names no model. */
  defaultModel?: string;
  /** What to do when a model is unknown: which variables would make which providers appear. */
  hint: string;
}

/** What a single request decides for itself. */
export interface Overrides {
  /** Tried after the targets of its model: routes and targets by name. */
  fallbacks?: readonly string[] | undefined;
  hedge?: Hedge | undefined;
  recovery?: "auto" | "off" | undefined;
}

/** What a model name leads to. */
export interface Resolved {
  /** The name as asked for. */
  model: string;
  source: StreamSource;
  onDisconnect?: "continue" | "cancel";
}

export interface ModelInfo {
  id: string;
  ownedBy: string;
  kind: "route" | "model" | "target";
  /** Of a route, the one that is asked first. */
  target?: string;
}

export interface Router {
  /**
   * @throws HeadraceError `model-not-found` - says which are known, and what to set for more.
   * @throws HeadraceError `invalid-request` - a fallback is unknown.
   */
  resolve(model: string | undefined, overrides?: Overrides): Resolved;
  /**
   * The same for a call that goes to a provider as it is: a source of its own, for this call only.
   *
   * Embeddings of different models cannot be compared, so only targets that have the first one's model are used for them.
   *
   * @throws HeadraceError `model-not-found`; `invalid-request` - no provider of this model can be called so.
   */
  resolveCall(model: string, call: PassedCall, overrides?: Pick<Overrides, "fallbacks">): Resolved;
  models(): ModelInfo[];
  /** How the targets of all routes, and others that were asked for, have been doing; by name. */
  targets(): ReadonlyMap<string, TargetState>;
}

/** Leads model names to sources: a route wins over a user's model, that over `provider/model`, that over a known bare name. */
export function createRouter(options: RouterOptions): Router {
  const { routes, defaultModel, reliability } = options;
  const targets = new Targets(options);
  const list = (): ModelInfo[] => listModels(options);

  const routeOf = (name: string): Route => routes.get(name) ?? { targets: [{ name }] };
  const find = (name: string): { route: Route; found: (ServedTarget | undefined)[] } => {
    const route = routeOf(name);
    return { route, found: route.targets.map((target) => targets.find(target)) };
  };

  const notFound = (model: string, { route, found }: ReturnType<typeof find>): HeadraceError => {
    const missing = quote(route.targets[found.indexOf(undefined)]?.name ?? "");
    const what = routes.has(model) ? `target ${missing} of route ${quote(model)}` : `model ${missing}`;
    const message = `there is no ${what}; known are ${nameSome(list())}. ${options.hint}`;
    return new HeadraceError("model-not-found", message, { param: "model" });
  };

  const fallbackTargets = (names: readonly string[]): ServedTarget[] =>
    names.flatMap((name) => {
      const { found } = find(name);
      if (found.every((target) => target !== undefined)) return found;
      const message = `the fallback ${quote(name)} is no route or model; known are ${nameSome(list())}`;
      throw new HeadraceError("invalid-request", message, { param: "headrace.fallbacks" });
    });

  return {
    models: list,
    targets() {
      for (const name of routes.keys()) find(name);
      return reliability.states();
    },
    resolve(asked, { fallbacks = [], hedge, recovery } = {}) {
      const model = asked ?? defaultModel;
      if (model === undefined) {
        throw new HeadraceError("invalid-request", `name a model; known are ${nameSome(list())}`, { param: "model" });
      }
      const answer = find(model);
      const { route, found } = answer;
      if (!found.every((target) => target !== undefined)) throw notFound(model, answer);
      const all = new Map([...found, ...fallbackTargets(fallbacks)].map((target) => [target.name, target]));
      const { targets: routed, onDisconnect, ...routeOptions } = route;
      const source = reliability.source([...all.values()], {
        ...routeOptions,
        weights: routed.map(({ weight = 1 }) => weight),
        ...(hedge !== undefined && { hedge }),
        ...(recovery !== undefined && { recovery }),
      });
      return onDisconnect === undefined ? { model, source } : { model, source, onDisconnect };
    },
    resolveCall(model, call, { fallbacks = [] } = {}) {
      const answer = find(model);
      if (!answer.found.some((target) => target !== undefined)) throw notFound(model, answer);
      const { route } = answer;
      const names = fallbackTargets(fallbacks).map(({ name }) => ({ name }));
      const able = [...route.targets, ...names].flatMap((target) => targets.passing(target, call) ?? []);
      const [first] = able;
      if (first === undefined) throw notPassed(model, call, options);
      const isSame = operationOf(call.protocol) === "embeddings";
      const usable = isSame ? able.filter(({ served }) => served.model === first.served.model) : able;
      const used = [...new Map(usable.map((one) => [one.served.name, one])).values()];
      const { strategy } = route;
      const source = reliability.source(
        used.map(({ served }) => served),
        {
          ...(strategy !== undefined && { strategy }),
          weights: used.map(({ weight }) => weight),
          // Two calls at once would cost twice, and what has begun is with the client already.
          hedge: "off",
          recovery: "off",
        },
      );
      return { model, source };
    },
  };
}

function notPassed(model: string, { path }: PassedCall, { providers }: RouterOptions): HeadraceError {
  const able = [...providers].flatMap(([name, { call }]) => (call === undefined ? [] : [`${name}/...`]));
  const message = `the provider of ${quote(model)} has no ${path}; those that have are ${able.join(", ")}`;
  return new HeadraceError("invalid-request", message, { param: "model" });
}

/** User-written models have no timetable that we could know, so they are given the time of a model that thinks. */
const ownModelProfile = { reasoning: true, prefill: { kind: "none" } } as const;

/** Finds targets by name. */
class Targets {
  readonly #options: RouterOptions;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  find({ name, prefill }: RoutedTarget): ServedTarget | undefined {
    const { models, reliability } = this.#options;
    const own = models.get(name);
    if (own !== undefined) {
      const spec = { provider: "models", model: name, vendor: "models", source: own, profile: ownModelProfile };
      return reliability.target(spec);
    }
    const place = this.place(name);
    return place === undefined ? undefined : this.#target(place.provider, place.found, place.model, prefill);
  }

  /** Where a model lives that is not the user's own: `provider/model`, or a bare name that is known to be a provider's. */
  place(name: string): { provider: string; found: RoutedProvider; model: string } | undefined {
    const { models, providers } = this.#options;
    if (models.has(name)) return undefined;
    const slash = name.indexOf("/");
    if (slash > 0 && slash < name.length - 1) {
      const provider = name.slice(0, slash);
      const found = providers.get(provider);
      if (found !== undefined) return { provider, found, model: name.slice(slash + 1) };
    }
    for (const [provider, found] of providers) {
      const isIts = found.modelPrefixes?.some((prefix) => name.startsWith(prefix)) ?? false;
      if (isIts) return { provider, found, model: name };
    }
    return undefined;
  }

  /** A target that is called with bodies as they are; undefined where there is no such thing. */
  passing({ name, weight = 1 }: RoutedTarget, call: PassedCall): { served: ServedTarget; weight: number } | undefined {
    const place = this.place(name);
    if (place?.found.call === undefined) return undefined;
    const { provider, found, model } = place;
    const { vendor, protocol } = found;
    const isWhole = call.body["stream"] !== true;
    const source = place.found.call(call);
    return {
      served: this.#options.reliability.targetOnce({ provider, model, vendor, protocol, source, isWhole }),
      weight,
    };
  }

  #target(provider: string, { source, vendor, protocol }: RoutedProvider, model: string, prefill?: boolean) {
    const spec = { provider, model, vendor, protocol, source };
    return this.#options.reliability.target(prefill === undefined ? spec : { ...spec, prefill });
  }
}

function listModels({ routes, models, providers }: RouterOptions): ModelInfo[] {
  return [
    ...[...routes].map(
      ([
        id,
        {
          targets: [first],
        },
      ]): ModelInfo => {
        const route = { id, ownedBy: "headrace", kind: "route" as const };
        return first === undefined ? route : { ...route, target: first.name };
      },
    ),
    ...[...models.keys()].map((id) => ({ id, ownedBy: "you", kind: "model" as const })),
    ...[...providers].flatMap(([name, { models: known = [], label }]) =>
      known.map((model) => ({ id: `${name}/${model}`, ownedBy: label, kind: "target" as const })),
    ),
  ];
}

function nameSome(models: ModelInfo[]): string {
  const names = models.map(({ id }) => id);
  return names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}

/** Names come from requests: kept short, and without control characters. */
function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
