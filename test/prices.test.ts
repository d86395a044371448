import { describe, expect, test } from "vitest";

import type { Usage } from "../src/core/events.ts";
import type { ModelPrice } from "../src/records/prices.ts";
import { Prices } from "../src/records/prices.ts";

const at = Date.UTC(2026, 0, 1);
const vendors: Record<string, { vendor: string; baseUrl?: string }> = {
  main: { vendor: "openai" },
  claude: { vendor: "anthropic" },
  google: { vendor: "gemini" },
  sim: { vendor: "simulator" },
  groqish: { vendor: "openai-compatible", baseUrl: "https://api.groq.com/openai/v1" },
  box: { vendor: "openai-compatible", baseUrl: "http://127.0.0.1:8000/v1" },
  local: { vendor: "ollama" },
};

async function pricesWith(prices: Record<string, ModelPrice> = {}) {
  const found = new Prices({ prices, vendorOf: (name) => vendors[name] });
  await found.load();
  return (target: string, usage: Usage) => {
    const slash = target.indexOf("/");
    return found.costOf({ provider: target.slice(0, slash), model: target.slice(slash + 1), usage, at });
  };
}

const million: Usage = { inputTokens: 1_000_000, outputTokens: 1_000_000 };

describe("the cost of an attempt", () => {
  test("is by the vendor's list, whatever the provider is called here", async () => {
    const costOf = await pricesWith();
    expect(costOf("main/gpt-4o", million)).toBeCloseTo(2.5 + 10, 9);
    expect(costOf("main/gpt-4o", { ...million, cachedInputTokens: 400_000 })).toBeCloseTo(
      0.6 * 2.5 + 0.4 * 1.25 + 10,
      9,
    );
  });

  test("is found by the address where the vendor is not named", async () => {
    const costOf = await pricesWith();
    expect(costOf("groqish/llama-3.3-70b-versatile", million)).toBeGreaterThan(0);
  });

  test("counts what is written to a cache, and the length of the prompt where that matters", async () => {
    const costOf = await pricesWith();
    const cached = { inputTokens: 1_600, outputTokens: 200, cachedInputTokens: 1_000, cacheWriteTokens: 500 };
    const byHand = (100 * 3 + 1_000 * 0.3 + 500 * 3.75 + 200 * 15) / 1e6;
    expect(costOf("claude/claude-sonnet-4-20250514", cached)).toBeCloseTo(byHand, 12);
    const short = (100_000 * 1.25 + 1_000 * 10) / 1e6;
    expect(costOf("google/gemini-2.5-pro", { inputTokens: 100_000, outputTokens: 1_000 })).toBeCloseTo(short, 12);
    const long = (300_000 * 2.5 + 1_000 * 15) / 1e6;
    expect(costOf("google/gemini-2.5-pro", { inputTokens: 300_000, outputTokens: 1_000 })).toBeCloseTo(long, 12);
  });

  test("is what the provider says, unless it is configured", async () => {
    const told = { ...million, costUsd: 0.25 };
    expect((await pricesWith())("main/gpt-4o", told)).toBe(0.25);
    expect((await pricesWith())("box/unheard-of", told)).toBe(0.25);
    const price = { inputPerMillion: 1, outputPerMillion: 2 };
    expect((await pricesWith({ "main/*": price }))("main/gpt-4o", told)).toBeCloseTo(3, 9);
  });

  test("is not known, rather than nothing, where nobody has told", async () => {
    const costOf = await pricesWith();
    for (const target of ["main/gpt-99-unheard-of", "box/gpt-4o", "local/llama3", "models/poet", "gone/gpt-4o"]) {
      expect(costOf(target, million), target).toBeUndefined();
    }
  });

  test("is nothing for the simulator, which nobody pays for", async () => {
    const costOf = await pricesWith();
    expect(costOf("sim/gpt-4o", million)).toBe(0);
  });

  test("is as configured before anything else", async () => {
    const costOf = await pricesWith({
      "main/gpt-4o": { inputPerMillion: 1, outputPerMillion: 2, cachedInputPerMillion: 0.5 },
      "box/*": { inputPerMillion: 3, outputPerMillion: 4 },
    });
    expect(costOf("main/gpt-4o", { ...million, cachedInputTokens: 500_000 })).toBeCloseTo(0.5 + 0.25 + 2, 9);
    expect(costOf("box/anything", { ...million, cachedInputTokens: 500_000 })).toBeCloseTo(3 + 4, 9);
  });
});
