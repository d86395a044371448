import { readdirSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";

interface ProcessTimes {
  parent: number;
  ticks: number;
}

/** User and system time of a process and of its children that have already ended. */
function readTimes(pid: number): ProcessTimes | undefined {
  const stat = readProcFile(pid, "stat");
  if (stat === undefined) return undefined;
  // The name, in brackets, may itself hold spaces and brackets; the fields after it may not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return { parent: Number(fields[1]), ticks: (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0) };
}

/** Undefined when the process has ended. */
function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return undefined;
  }
}

/** The process and everything it started that still runs. */
export function processTree(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const times = Number.isInteger(pid) ? readTimes(pid) : undefined;
    if (times === undefined) continue;
    const siblings = childrenOf.get(times.parent);
    if (siblings === undefined) childrenOf.set(times.parent, [pid]);
    else siblings.push(pid);
  }
  const tree = [root];
  for (let next = 0; next < tree.length; next++) tree.push(...(childrenOf.get(tree[next] ?? -1) ?? []));
  return tree;
}

const microsecondsPerTick = 1e6 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time used so far by a whole process tree; the kernel counts in ticks, mostly of 10 ms. */
export function cpuMicroseconds(root: number): number {
  const ticks = processTree(root).reduce((sum, pid) => sum + (readTimes(pid)?.ticks ?? 0), 0);
  return ticks * microsecondsPerTick;
}

/** Resident memory of these processes together, now. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readProcFile(pid, "status") ?? "")?.[1];
    return sum + Number(kilobytes ?? 0) * 1024;
  }, 0);
}

/** Time that all processors of the machine were busy so far, whoever kept them so; a host's own work counts too. */
export function machineCpuMicroseconds(): number {
  const [line = ""] = readFileSync("/proc/stat", "latin1").split("\n", 1);
  const fields = line.split(/ +/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, steal = 0] = fields;
  return (user + nice + system + interrupts + softInterrupts + steal) * microsecondsPerTick;
}
