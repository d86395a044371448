import { z } from "zod";

const count = () => z.int().positive();
const megabytes = 1024 * 1024;

/** The section `limits`: how much of what there may be at once. */
export const limitsSchema = z.strictObject({
  openStreams: count().default(5_000).describe("Answers being written at once; above it the answer is 503."),
  readers: count().default(20_000).describe("Connections reading answers at once."),
  readersPerStream: count().default(1_000).describe("Connections reading one answer at once."),
  streamsPerSocket: count().default(64).describe("Answers that one WebSocket can carry at once."),
  streamsPerKey: count().default(50).describe("Open streams of one key; above it the answer is 429."),
  detachedStreams: count()
    .default(1_000)
    .describe(
      "Answers that go on though their last reader has left; above it, such an answer is cancelled after `reliability.lingerMs`.",
    ),
  streamBytes: count()
    .default(4 * megabytes)
    .describe("Size of one answer; at it the stream ends as `length`."),
  streamEntries: count().default(65_536).describe("Events of one answer; at it the stream ends as `length`."),
  readerQueueBytes: count()
    .min(1024)
    .default(65_536)
    .describe("Bytes waiting for a slow reader in memory; beyond them it is served from the log."),
  writeStallMs: count()
    .default(60_000)
    .describe("A reader that does not take what waits for it for this long is disconnected; it can resume."),
  bodyDepth: count().default(64).describe("Nesting of a JSON request body."),
  headerBytes: count().default(16_384).describe("Size of a request's headers."),
  headerCount: count().default(100).describe("Number of a request's headers."),
});
