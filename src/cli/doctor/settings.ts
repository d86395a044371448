import { configSchema, type Config } from "../../config.ts";
import { variableOf } from "../../config/environment.ts";
import { pathsOf } from "../../config/schema-keys.ts";

/** One effective setting. */
export interface SettingRow {
  /** `reliability.stallTimeoutMs` */
  path: string;
  value: unknown;
  /** As a person would say it: `30 s`. */
  text: string;
  /** The flag, variable or file that has set it; missing for a default. */
  setBy?: string;
  /** The variable that sets it; missing where it takes a file. */
  variable?: string;
}

/** What can be long and is told elsewhere, or is a secret. */
const elsewhere = new Set(["access.keys", "reliability.continuationPrompt"]);

/** Every limit, time and switch with its effective value and where it is from. */
export function effectiveSettings(config: Config, origins: ReadonlyMap<string, string>): SettingRow[] {
  return pathsOf(configSchema).flatMap(([section = "", key = "", ...deeper]): SettingRow[] => {
    const path = `${section}.${key}`;
    const values = (config as Record<string, unknown>)[section] as Record<string, unknown>;
    if (key === "" || deeper.length > 0 || elsewhere.has(path)) return [];
    const value = values[key];
    const setBy = origins.get(path);
    const isOneLine = typeof value !== "object" || Array.isArray(value);
    return [
      {
        path,
        value: value ?? null,
        text: settingText(key, value),
        ...(setBy !== undefined && { setBy }),
        ...(isOneLine && { variable: variableOf([section, key]) }),
      },
    ];
  });
}

/** A setting's value in the unit that its name ends in. */
function settingText(key: string, value: unknown): string {
  if (value === undefined) return "not set";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(String).join(", ");
  if (typeof value === "object" && value !== null && "afterMs" in value)
    return `after ${durationText(Number(value.afterMs))}`;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (typeof value !== "number") return JSON.stringify(value);
  if (key.endsWith("Ms")) return durationText(value);
  if (key.endsWith("Bytes")) return sizeText(value);
  if (key.endsWith("Hours")) return `${value} h`;
  if (key.endsWith("Percent")) return `${value} %`;
  return key === "port" ? String(value) : value.toLocaleString("en-US");
}

export function durationText(ms: number): string {
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return `${Math.round(ms)} ms`;
}

export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = bytes;
  let unit = 0;
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024;
  return `${Number(size.toFixed(size < 10 ? 1 : 0))} ${units[unit]}`;
}
