import { HeadraceError } from "../core/errors.ts";

/** Primary result codes, https://www.sqlite.org/rescode.html */
const sqliteBusy = 5;
const sqliteReadOnly = 8;
const sqliteCorrupt = 11;
const sqliteFull = 13;
const sqliteCannotOpen = 14;
const sqliteNotADatabase = 26;

/** Of the operating system: the disk, this user's share of it, or a file is full. */
const fullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What a failure of the database, or of the files beside it, means, and what to do about it. */
export function sqliteError(error: unknown, path: string): HeadraceError {
  if (error instanceof HeadraceError) return error;
  const code = primaryCode(error);
  if (code === sqliteFull || fullCodes.has(systemCode(error))) {
    return storageFull(path, error);
  }
  const why = systemCode(error) === "" ? explain(code, path) : explain(sqliteCannotOpen, path);
  return new HeadraceError("log-unavailable", `${why} (${messageOf(error)})`, { cause: error });
}

export function storageFull(path: string, cause?: unknown): HeadraceError {
  return new HeadraceError("storage-full", `there is no space left for ${path}; free some, it goes on by itself`, {
    cause,
  });
}

function explain(code: number | undefined, path: string): string {
  switch (code) {
    case sqliteBusy:
      return `another process holds on to ${path}; close it, such as a database browser`;
    case sqliteReadOnly:
    case sqliteCannotOpen:
      return `${path} cannot be written; make it and its folder writable for this user, or set log.path elsewhere`;
    case sqliteCorrupt:
    case sqliteNotADatabase:
      return `${path} is damaged or not a Headrace database; move it away to start with an empty one`;
    default:
      return `${path} cannot be used; see the cause`;
  }
}

/** The code without its extension; undefined when the error is not from SQLite. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

/** Empty when the error is not the operating system's. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

export function isBusy(error: unknown): boolean {
  return primaryCode(error) === sqliteBusy;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
