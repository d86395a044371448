import { parseArgs } from "node:util";

import { violationsOf } from "./invariants.ts";
import { runWorld } from "./world.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});

const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const startedAt = performance.now();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const record = await runWorld(seed);
  if (values.trace) console.log(`${JSON.stringify(record.plan, null, 2)}\n${record.trace.join("\n")}`);
  const violations = violationsOf(record);
  if (violations.length > 0) {
    failed++;
    console.log(`seed ${seed}`);
    for (const { invariant, what } of violations) console.log(`  ${invariant}: ${what}`);
    console.log(`  to see how: npm run simulate:many -- --seed ${seed} --trace`);
  }
  const done = seed - first + 1;
  if (done % 500 === 0 || done === count) {
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`${done} of ${count} seeds, ${failed} failed, ${(done / seconds).toFixed(0)} a second`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
