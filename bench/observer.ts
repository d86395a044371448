import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What watches a row that is watched: a collector that takes traces, and a Prometheus that scrapes. */
export interface Observer {
  tracesUrl: string;
  /** Asks for `/metrics` every second from now on. */
  watch(port: number): void;
  /** @throws Error - nothing was watched, so the row's figures say nothing. */
  stop(): void;
}

const scrapeEveryMs = 1_000;

/** Runs in the bench's own process, so that what it costs is not counted as the row's. */
export async function startObserver(): Promise<Observer> {
  let taken = 0;
  let scraped = 0;
  let timer: NodeJS.Timeout | undefined;
  const collector = createServer((request, response) => {
    request.resume().on("end", () => {
      taken++;
      response.end();
    });
  });
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  const scrape = async (port: number): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    if ((await response.text()).includes("headrace_streams_total{")) scraped++;
  };
  return {
    tracesUrl: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`,
    watch(port) {
      // A scrape that fails is seen by its absence in the count.
      timer = setInterval(() => void scrape(port).catch(() => {}), scrapeEveryMs);
    },
    stop() {
      clearInterval(timer);
      collector.closeAllConnections();
      collector.close();
      if (timer !== undefined && (taken === 0 || scraped === 0)) {
        throw new Error(`telemetry was not on: ${taken} batches of traces, ${scraped} scrapes`);
      }
    },
  };
}
