import type { DatabaseSync } from "node:sqlite";

export const manyRecords = 100_000;
const apartMs = 25_920;

/**
 * Writes 100,000 finished streams over the 30 days before `end`: 20 models, 5 routes, 10 owners, one in 50 failed, one in 9
 * tagged.
 */
export function writeManyRecords(database: DatabaseSync, { end }: { end: number }): void {
  database.exec(`
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${manyRecords - 1})
INSERT INTO records_streams (
  id, owner, model, route, protocol, started_at, ended_at, is_open, outcome, finish_reason, tags, target, provider,
  served_model, attempts, seams, readers_attached, readers_resumed, readers_left, readers_disconnected, input_tokens,
  output_tokens, is_estimated, cost, cost_delivered, cost_discarded, cost_hedged, first_token_ms, duration_ms,
  tokens_per_second, gap_p50, gap_p95, gap_max, entries)
SELECT
  printf('st_%022d', i * 7919 % 1000003), 'owner-' || (i % 10), 'model-' || (i % 20), iif(i % 2, 'route-' || (i % 5), NULL),
  'openai-chat', ${end} - i * ${apartMs}, ${end} - i * ${apartMs} + 4000, 0, iif(i % 50 = 0, 'failed', 'completed'), 'stop',
  iif(i % 9 = 0, '{"team":"t' || (i % 7) || '"}', NULL), 'main/model-' || (i % 20), 'main', 'model-' || (i % 20),
  1, 0, 1, 0, 1, 0, 100 + i % 4000, i % 900, 0, iif(i % 6 = 0, NULL, i * 100), i * 100, 0, 0, 100 + i % 3000, 4000,
  20 + i % 150, 10, 30, 200, 300
FROM n`);
  database.exec(`
INSERT INTO records_tags SELECT id, 'team', json_extract(tags, '$.team') FROM records_streams WHERE tags IS NOT NULL`);
}
