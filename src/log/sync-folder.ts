import { closeSync, fsyncSync, openSync } from "node:fs";

/** A new file is there after a power loss only when its folder was synced. Not possible on every system. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
