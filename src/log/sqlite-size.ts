import type { DatabaseSync } from "node:sqlite";
import type { Journal } from "./journal.ts";
import { storageFull } from "./sqlite-errors.ts";

export interface SizeLimit {
  database: DatabaseSync;
  journal: Journal;
  path: string;
  /** Of database and journal together. Default: the disk is the limit. */
  maxBytes?: number;
}

/**
 * Limits the database. What is returned is to be called before so much text goes to the journal.
 *
 * @throws HeadraceError `storage-full` - by what is returned: it would be too much.
 */
export function limitSize({ database, journal, path, maxBytes }: SizeLimit): (length: number) => void {
  if (maxBytes === undefined) return () => {};
  const pageSize = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
  database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageSize)}`);
  const pagesInUse = database.prepare(
    "SELECT page_count - freelist_count AS pages FROM pragma_page_count(), pragma_freelist_count()",
  );
  return (length) => {
    const used = Number(pagesInUse.get()?.["pages"]) * pageSize + journal.bytes;
    if (used + length > maxBytes) throw storageFull(path);
  };
}
