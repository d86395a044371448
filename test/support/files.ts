import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { closeSync, fdatasync, fdatasyncSync, fsyncSync, ftruncateSync } = fs;
const { openSync, renameSync, rmSync, writeFileSync, writeSync } = fs;

/** What of the file system can be watched or made to fail, as it is; calls of SQLite itself do not come here. */
export const realFiles = {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
};

export type FileCalls = typeof realFiles;

/** Puts these functions in the place of those of `node:fs`, for everybody in this thread. Returns how to undo it. */
export function replaceFiles(calls: Partial<FileCalls>): () => void {
  Object.assign(fs, calls);
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs, realFiles);
    syncBuiltinESMExports();
  };
}

/** The error that a system call has. */
export function systemError(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}
