import type { Kysely } from "kysely";
import { sql } from "kysely";
import { HeadraceError } from "../core/errors.ts";
import type { SummaryQuery, TraceQuery } from "./records-store.ts";
import type { StreamRow, Tables } from "./sql-schema.ts";

/** The statement of a list, with every value as a bound parameter. One row more than asked for tells of further ones. */
export function listQuery(builder: Kysely<Tables>, query: TraceQuery) {
  const { owner, limit, before, from, to, operation, route, model, outcome, state, tag, q } = query;
  let select = builder.selectFrom("records_streams").selectAll();
  if (owner !== undefined) select = select.where("owner", "=", owner);
  if (from !== undefined) select = select.where("started_at", ">=", from);
  if (to !== undefined) select = select.where("started_at", "<", to);
  if (operation !== undefined) select = select.where("operation", "=", operation);
  if (route !== undefined) select = select.where("route", "=", route);
  if (model !== undefined)
    select = select.where(({ eb, or }) => or([eb("model", "=", model), eb("target", "=", model)]));
  if (outcome !== undefined) select = select.where("outcome", "=", outcome);
  if (state !== undefined) select = select.where("is_open", "=", state === "open" ? 1 : 0);
  if (q !== undefined) select = select.where(sql<boolean>`id LIKE ${`%${escapeLike(q)}%`} ESCAPE '\\'`);
  if (tag !== undefined) {
    const tagged = builder.selectFrom("records_tags").select("stream_id");
    select = select.where("id", "in", tagged.where("name", "=", tag.name).where("value", "=", tag.value));
  }
  if (before !== undefined) {
    const { startedAt, id } = readPlace(before);
    // One condition for the index to begin at; the other one for those that started in the same millisecond.
    select = select.where("started_at", "<=", startedAt);
    select = select.where(sql<boolean>`(started_at, id) < (${startedAt}, ${id})`);
  }
  return select
    .orderBy("started_at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1);
}

/** What a summary is grouped by, and over which streams, as SQL with its parameters. */
export function summaryParts({ owner, from, to, operation, model, route, key, by }: SummaryQuery) {
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const where = (condition: string, value: unknown): void => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push(value);
  };
  where("started_at >= ?", from ?? 0);
  where("started_at < ?", to);
  where("owner = ?", owner);
  where("operation = ?", operation);
  where(`${keys.model} = ?`, model);
  where(`${keys.route} = ?`, route);
  where(`${keys.key} = ?`, key);
  return { key: keys[by], where: conditions.join(" AND "), parameters, bucketMs: bucketOf(by, from, to) };
}

const keys: Record<SummaryQuery["by"], string> = {
  day: "NULL",
  hour: "NULL",
  model: "coalesce(target, model)",
  operation: "operation",
  route: "coalesce(route, '(none)')",
  key: "CASE owner WHEN '' THEN '(none)' ELSE owner END",
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const longestByHourMs = 4 * dayMs;

function bucketOf(by: SummaryQuery["by"], from: number | undefined, to: number | undefined): number {
  if (by === "hour") return hourMs;
  if (by === "day" || from === undefined) return dayMs;
  return (to ?? Number.MAX_SAFE_INTEGER) - from <= longestByHourMs ? hourMs : dayMs;
}

/** A place in the order of lists, as text. */
export function writePlace({ started_at, id }: Pick<StreamRow, "started_at" | "id">): string {
  return `${started_at.toString(36)}.${id}`;
}

/** @throws HeadraceError `invalid-request` - it is none of ours. */
function readPlace(text: string): { startedAt: number; id: string } {
  const found = /^([0-9a-z]{1,10})\.([\w-]{1,64})$/.exec(text);
  if (found === null) {
    throw new HeadraceError("invalid-request", "before is what `next` of the page before said", { param: "before" });
  }
  return { startedAt: Number.parseInt(found[1] as string, 36), id: found[2] as string };
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`);
}
