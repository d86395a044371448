import { openSync, writeSync } from "node:fs";
import { SqliteLog } from "../../src/log/sqlite-log.ts";

// Appends to many streams as fast as it can until it is killed, and writes to a file what was acknowledged.
// Usage: node log-writer.ts <database> <round> <durability> <file>

const [path = "", round = "0", durability = "process", reportPath = "/dev/null"] = process.argv.slice(2);
const report = openSync(reportPath, "a");
const log = SqliteLog.open({
  path,
  durability: durability === "disk" ? "disk" : "process",
  now: () => 1,
  checkpointBytes: 256 * 1024,
  upkeepDelayMs: 1,
});

async function write(id: string, entries: number): Promise<void> {
  await log.create({ id, owner: "", protocol: "events", model: "m", createdAt: 1 });
  writeSync(report, `${id} 0\n`);
  for (let seq = 0; seq < entries; seq += 2) {
    const last = seq + 2 >= entries;
    await log.append(id, 1, seq, [
      { type: "text-delta", text: `${id}:${seq}` },
      last ? { type: "stream-end", outcome: "completed" } : { type: "text-delta", text: `${id}:${seq + 1}` },
    ]);
    writeSync(report, `${id} ${seq + 2}\n`);
  }
}

async function keepWriting(lane: number): Promise<void> {
  for (let number = 0; ; number++) await write(`r${round}-${lane}-${number}`, 2 + ((lane * 37 + number * 11) % 60) * 2);
}

writeSync(1, "writing\n");
await Promise.all(Array.from({ length: 20 }, (_, lane) => keepWriting(lane)));
