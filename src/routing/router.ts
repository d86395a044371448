import { HeadraceError } from "../core/errors.ts";
import type { StreamSource } from "../core/source.ts";

/** A provider as the router sees it. */
export interface RoutedProvider {
  source: StreamSource;
  /** Models to list; others are passed on all the same. */
  models?: readonly string[];
  /** Beginnings of model names that belong to this provider even without `provider/`. */
  modelPrefixes?: readonly string[];
  /** Whose models they are, for people. */
  label: string;
}

export interface RouterOptions {
  providers: ReadonlyMap<string, RoutedProvider>;
  /** Public model names and their targets, `provider/model` each. */
  routes: ReadonlyMap<string, { targets: readonly string[]; onDisconnect?: "continue" | "cancel" }>;
  /** User-written models by name. */
  models: ReadonlyMap<string, StreamSource>;
  /** What is used when a request names no model. */
  defaultModel?: string;
  /** What to do when a model is unknown: which variables would make which providers appear. */
  hint: string;
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
}

export interface Router {
  /** @throws HeadraceError `model-not-found` - says which are known, and what to set for more. */
  resolve(model: string | undefined): Resolved;
  models(): ModelInfo[];
}

/** Leads model names to sources: a route wins over a user's model, that over `provider/model`, that over a known bare name. */
export function createRouter(options: RouterOptions): Router {
  const { providers, routes, models, defaultModel } = options;

  const target = (name: string): StreamSource | undefined => {
    const own = models.get(name);
    if (own !== undefined) return own;
    const slash = name.indexOf("/");
    if (slash > 0) {
      const provider = providers.get(name.slice(0, slash));
      if (provider !== undefined && slash < name.length - 1) return withModel(provider.source, name.slice(slash + 1));
    }
    for (const { source, modelPrefixes = [] } of providers.values()) {
      if (modelPrefixes.some((prefix) => name.startsWith(prefix))) return withModel(source, name);
    }
    return undefined;
  };

  const list = (): ModelInfo[] => [
    ...[...routes.keys()].map((id) => ({ id, ownedBy: "headrace", kind: "route" as const })),
    ...[...models.keys()].map((id) => ({ id, ownedBy: "you", kind: "model" as const })),
    ...[...providers].flatMap(([name, { models: known = [], label }]) =>
      known.map((model) => ({ id: `${name}/${model}`, ownedBy: label, kind: "target" as const })),
    ),
  ];

  return {
    models: list,
    resolve(asked) {
      const model = asked ?? defaultModel;
      if (model === undefined) {
        throw new HeadraceError("invalid-request", `name a model; known are ${nameSome(list())}`, { param: "model" });
      }
      const route = routes.get(model);
      const source = route === undefined ? target(model) : target(route.targets[0] ?? "");
      if (source === undefined) {
        const missing =
          route === undefined
            ? `model ${quote(model)}`
            : `target ${quote(route.targets[0] ?? "")} of route ${quote(model)}`;
        throw new HeadraceError(
          "model-not-found",
          `there is no ${missing}; known are ${nameSome(list())}. ${options.hint}`,
          {
            param: "model",
          },
        );
      }
      return route?.onDisconnect === undefined
        ? { model, source }
        : { model, source, onDisconnect: route.onDisconnect };
    },
  };
}

function withModel(source: StreamSource, model: string): StreamSource {
  return (request, options) => source({ ...request, model }, options);
}

function nameSome(models: ModelInfo[]): string {
  const names = models.map(({ id }) => id);
  return names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}

/** Names come from requests: kept short, and without control characters. */
function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
