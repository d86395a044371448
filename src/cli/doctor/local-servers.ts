import { isJsonObject } from "../../core/json.ts";
import type { Vendor } from "../../providers/vendors.ts";
import type { Finding } from "./finding.ts";

export interface LocalServerOptions {
  vendors: Readonly<Record<string, Vendor>>;
  /** Base URLs that are in use already. */
  used: readonly string[];
  timeoutMs: number;
}

interface LocalServer {
  name: string;
  vendor: Vendor;
  address: URL;
  models: string[];
}

/** Model servers that run on this machine, at their usual ports; each one asked for its list of models. */
export async function findLocalServers({ vendors, used, timeoutMs }: LocalServerOptions): Promise<Finding[]> {
  const candidates = Object.entries(vendors).flatMap(([name, vendor]) =>
    vendor.local === true && vendor.baseUrl !== undefined && vendor.baseUrlVariable !== undefined
      ? [{ name, vendor, address: new URL(vendor.baseUrl) }]
      : [],
  );
  const servers = await Promise.all(
    candidates.map(async (candidate): Promise<LocalServer[]> => {
      const models = await listModels(candidate.address, timeoutMs);
      return models === undefined ? [] : [{ ...candidate, models }];
    }),
  );
  const usedHosts = new Set(used.filter((url) => URL.canParse(url)).map((url) => hostOf(new URL(url))));
  return servers.flat().map((server) => describe(server, usedHosts.has(hostOf(server.address))));
}

function describe({ name, vendor, address, models }: LocalServer, isUsed: boolean): Finding {
  const count = models.length === 1 ? "1 model" : `${models.length} models`;
  const message = `answers at ${hostOf(address)} with ${count}${models.length > 0 ? `: ${nameSome(models)}` : ""}`;
  const variable = `${vendor.baseUrlVariable}=${vendor.baseUrl}`;
  const model = `${name}/${models[0] ?? "<model>"}`;
  return {
    level: isUsed ? "ok" : "note",
    about: vendor.label,
    message,
    ...(!isUsed && { next: `${variable} adds it: headrace stream Hello -m ${model}` }),
  };
}

/** The models of an OpenAI-compatible server; undefined when there is none at this address. */
async function listModels(address: URL, timeoutMs: number): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${address.href.replace(/\/$/, "")}/models`, { signal, redirect: "error" });
    const body: unknown = response.ok ? await response.json() : undefined;
    const list = isJsonObject(body) ? body["data"] : undefined;
    if (!Array.isArray(list)) return undefined;
    return list.flatMap((model) => (isJsonObject(model) && typeof model["id"] === "string" ? [model["id"]] : []));
  } catch {
    // Nobody there, or somebody who speaks otherwise.
    return undefined;
  }
}

function nameSome(models: readonly string[]): string {
  // Names come from whoever listens there, and end up on a terminal.
  const shown = models.slice(0, 3).map((model) => model.replace(/[^\x20-\x7e]/g, "?").slice(0, 60));
  return shown.join(", ") + (models.length > 3 ? ", ..." : "");
}

function hostOf({ hostname, port }: URL): string {
  return `${hostname === "localhost" ? "127.0.0.1" : hostname}:${port}`;
}
