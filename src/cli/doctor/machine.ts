import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Config } from "../../config.ts";
import type { Finding } from "./finding.ts";
import type { ProviderFinding } from "./providers.ts";
import { durationText, sizeText } from "./settings.ts";

const megabyte = 1024 * 1024;

/** The files and connections that this process may have open. Node raises the soft limit to the hard one itself. */
export function openFilesLimit(): number | undefined {
  const report: (NodeJS.ProcessReport & { excludeNetwork?: boolean }) | undefined = process.report;
  if (report === undefined) return undefined;
  // Looking up the names of open connections could take seconds.
  report.excludeNetwork = true;
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : undefined;
}

/** Node, the folder of the log, and what it lies on. */
export async function lookAtMachine({ log, limits }: Config): Promise<Finding[]> {
  const node: Finding = {
    level: "ok",
    about: "Node",
    message: `${process.versions.node}, ${process.platform} ${process.arch}`,
  };
  if (log.store === "memory" || log.durability === "memory") return [node];
  const path = resolve(log.path);
  return [node, await lookAtFolder(path), ...(await lookAtSpace(path, log.maxBytes ?? 0, limits.streamBytes))];
}

async function lookAtFolder(path: string): Promise<Finding> {
  const about = "data folder";
  const folder = await nearestFolder(dirname(path));
  const next = "set log.path (HEADRACE_LOG_PATH) to a file in a folder that this user may write to";
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch {
    return { level: "problem", about, message: `${folder} cannot be written to by this user`, next };
  }
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return { level: "ok", about, message: `${dirname(path)} will be made by the first start` };
  if (!file.isFile()) return { level: "problem", about, message: `${path} is not a file`, next };
  return { level: "ok", about, message: `${dirname(path)}, the log has ${sizeText(file.size)}` };
}

async function lookAtSpace(path: string, maxBytes: number, streamBytes: number): Promise<Finding[]> {
  const { bavail, bsize } = await statfs(await nearestFolder(dirname(path)));
  const free = bavail * bsize;
  const about = "disk";
  const message = `${sizeText(free)} free`;
  const next = "free some, set log.path to another disk, or lower log.keepClosedHours";
  if (free < Math.max(50 * megabyte, 2 * streamBytes)) {
    return [{ level: "problem", about, message: `${message}: new answers would soon be refused with 507`, next }];
  }
  if (free < 1024 * megabyte) return [{ level: "warning", about, message, next }];
  if (free < maxBytes) {
    return [{ level: "warning", about, message: `${message}, less than log.maxBytes (${sizeText(maxBytes)})`, next }];
  }
  return [{ level: "ok", about, message }];
}

/** The folder itself, or what is above it, as far as it exists. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** AWS refuses what was signed more than five minutes ago; logs and retention go wrong before that. */
const skewToTell = { warningMs: 30_000, problemMs: 240_000 };

/** Compares this machine's clock with those of the providers that were called. */
export function judgeClock(checked: readonly ProviderFinding[]): Finding[] {
  const ahead = checked.flatMap(({ clockAheadMs }) => clockAheadMs ?? []).toSorted((a, b) => a - b);
  // One provider may be wrong itself; the middle one of several is not.
  const middle = ahead[Math.floor((ahead.length - 1) / 2)];
  if (middle === undefined) return [];
  const off = Math.abs(middle);
  const about = "clock";
  if (off < skewToTell.warningMs) return [{ level: "ok", about, message: "agrees with the providers'" }];
  return [
    {
      level: off < skewToTell.problemMs ? "warning" : "problem",
      about,
      message: `is ${durationText(off)} ${middle > 0 ? "behind" : "ahead of"} the providers'`,
      next: "switch on time synchronisation (timedatectl set-ntp true, or chrony); signatures and retention need it",
    },
  ];
}
