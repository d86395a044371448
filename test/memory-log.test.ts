import { MemoryLog } from "../src/log/memory-log.ts";
import { closingTime } from "./conformance/stream-log-fixtures.ts";
import { describeStreamLog } from "./conformance/stream-log.ts";

describeStreamLog("a log in memory", async () => {
  const log = new MemoryLog({ now: () => closingTime });
  return { log, dispose: () => log.close() };
});
