import { parseConfig } from "../../src/config.ts";
import type { ConfigInput } from "../../src/config.ts";
import type { StreamSource } from "../../src/core/source.ts";
import type { RouteOptions } from "../../src/reliability/reliability.ts";
import { Reliability } from "../../src/reliability/reliability.ts";
import { createVirtualClock } from "../../src/testing.ts";
import type { Step } from "./scripted-source.ts";
import { evenRandomness, scriptedSource } from "./scripted-source.ts";

/** Scripts by target name; each target is its own provider. */
export type Scripts = Record<string, readonly (readonly Step[])[]>;

/** Several scripted providers behind one sturdy source, on a virtual clock, with the defaults of the configuration. */
export function sturdy(scripts: Scripts, settings: ConfigInput["reliability"] = {}, route: RouteOptions = {}) {
  const clock = createVirtualClock();
  const { reliability: configured } = parseConfig({ reliability: settings });
  const reliability = new Reliability({ clock, randomness: evenRandomness, settings: configured });
  const providers = Object.fromEntries(
    Object.entries(scripts).map(([name, script]) => [name, scriptedSource(name, clock, script)]),
  );
  const targets = Object.entries(providers).map(([provider, { source }]) =>
    reliability.target({ provider, model: "m", vendor: "scripted", source }),
  );
  const source: StreamSource = reliability.source(targets, route);
  return { clock, reliability, providers, targets, source };
}
