import { describe, expect, test } from "vitest";

import { profileOf, thinksFirst } from "../src/reliability/model-profiles.ts";

describe("what is known of a model before it is called", () => {
  test.each([
    ["anthropic", "claude-3-5-sonnet-20241022", "trailing-assistant"],
    ["anthropic", "claude-sonnet-4-20250514", "trailing-assistant"],
    ["anthropic", "claude-sonnet-4-5", "trailing-assistant"],
    ["anthropic", "claude-opus-4-5-20251101", "trailing-assistant"],
    ["anthropic", "claude-opus-4-6", "none"],
    ["anthropic", "claude-sonnet-5", "none"],
    ["openrouter", "anthropic/claude-sonnet-4.5", "trailing-assistant"],
    ["openrouter", "anthropic/claude-opus-4.6", "none"],
    ["openai", "gpt-4o", "none"],
    ["deepseek", "deepseek-chat", "field"],
    ["mistral", "mistral-large-latest", "field"],
    ["vllm", "meta-llama/Llama-3.1-8B-Instruct", "continue-final-message"],
    ["openai-compatible", "whatever", "none"],
  ] as const)("%s %s is continued by %s", (vendor, model, kind) => {
    expect(profileOf(vendor, model).prefill.kind).toBe(kind);
  });

  test("a route may know better, in both directions", () => {
    expect(profileOf("openai-compatible", "whatever", { prefill: true }).prefill.kind).toBe("trailing-assistant");
    expect(profileOf("mistral", "mistral-small", { prefill: true }).prefill.kind).toBe("field");
    expect(profileOf("mistral", "mistral-small", { prefill: false }).prefill.kind).toBe("none");
  });

  test("models that think first are given time, others only when they are asked to think", () => {
    const request = { model: "m", messages: [] };
    for (const model of ["o4-mini", "o1", "gpt-5", "deepseek-reasoner", "qwen/qwq-32b", "magistral-medium", "grok-4"]) {
      expect(thinksFirst(profileOf("any", model), request), model).toBe(true);
    }
    for (const model of ["gpt-4o", "gpt-5-chat-latest", "claude-sonnet-4-5", "llama-3", "deepseek-chat", "o"]) {
      expect(thinksFirst(profileOf("any", model), request), model).toBe(false);
    }
    const claude = profileOf("anthropic", "claude-sonnet-4-5");
    expect(thinksFirst(claude, { ...request, reasoningBudgetTokens: 2_000 })).toBe(true);
    expect(thinksFirst(profileOf("openai", "gpt-5"), { ...request, reasoningEffort: "none" })).toBe(false);
  });
});
