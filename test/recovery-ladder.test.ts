import { describe, expect, test } from "vitest";

import type { GenerateRequest } from "../src/core/request.ts";
import { anchorRequest, prefillRequest, tailOf } from "../src/reliability/continuation-request.ts";
import type { LadderOptions } from "../src/reliability/ladder.ts";
import { climb } from "../src/reliability/ladder.ts";
import type { Prefill } from "../src/reliability/model-profiles.ts";
import type { ServedTarget } from "../src/reliability/target.ts";
import { request } from "./support/scripted-source.ts";

function target(name: string, prefill: Prefill["kind"] = "trailing-assistant", restsUntil?: number): ServedTarget {
  const profile = { reasoning: false, prefill: { kind: prefill } as Prefill };
  return { name, profile, health: { restsUntil } } as unknown as ServedTarget;
}

function steps(targets: readonly ServedTarget[], options: Partial<LadderOptions> = {}): string[] {
  const defaults = { shunned: new Set<string>(), refusedPrefill: new Set<string>(), characters: 100, request };
  return [...climb({ targets, broken: targets[0], ...defaults, ...options })].map(
    (step) => `${step.target.name} ${step.rung}`,
  );
}

describe("who is asked to go on, and how", () => {
  test("the model that began before others, everybody in the way that proves most first", () => {
    expect(steps([target("a"), target("b", "none")])).toEqual([
      "a prefill",
      "b anchor-echo",
      "a anchor-echo",
      "b prefix-match",
      "a prefix-match",
    ]);
    expect(steps([target("a"), target("b")], { broken: target("c", "none") })[0]).toBe("c anchor-echo");
  });

  test("who fell silent comes last", () => {
    const [first, ...rest] = steps([target("a"), target("b")], { shunned: new Set(["a"]) });
    expect(first).toBe("b prefill");
    expect(rest.slice(-3)).toEqual(["a prefill", "a anchor-echo", "a prefix-match"]);
  });

  test("a prefill that was refused once is not tried again", () => {
    expect(steps([target("a")], { refusedPrefill: new Set(["a"]) })).toEqual(["a anchor-echo", "a prefix-match"]);
  });

  test("nor one where the request forces a tool, or makes the model think first", () => {
    const forced: GenerateRequest = { ...request, toolChoice: "required" };
    expect(steps([target("a")], { request: forced })[0]).toBe("a anchor-echo");
  });

  test("without visible text the same is simply asked again", () => {
    expect(steps([target("a"), target("b")], { characters: 0 })).toEqual(["a prefix-match", "b prefix-match"]);
  });

  test("with less text than makes a proof nobody is given it as its own", () => {
    expect(steps([target("a")], { characters: 23 })).toEqual(["a anchor-echo", "a prefix-match"]);
    expect(steps([target("a")], { characters: 24 })[0]).toBe("a prefill");
  });

  test("others that rest are left out, the one that began is not", () => {
    expect(steps([target("a", "none", 5), target("b", "none", 5)])).toEqual(["a anchor-echo", "a prefix-match"]);
  });
});

describe("what a model is given to go on from", () => {
  const said = "Why rivers meander is a question of speed: water runs faster along the outer bank. ".repeat(4);

  test("what it said, without the white space at its end", () => {
    const { messages, prefill } = prefillRequest(request, said, { kind: "field", name: "prefix" });
    expect(messages.at(-1)).toEqual({ role: "assistant", content: [{ type: "text", text: said.trimEnd() }] });
    expect(prefill).toEqual({ field: "prefix" });
  });

  test("or its last words, from a word's beginning on, enough for a proof", () => {
    const tail = tailOf(said);
    expect(said.trimEnd().endsWith(` ${tail}`)).toBe(true);
    expect(tail.length).toBeGreaterThanOrEqual(80);
    expect(tail.length).toBeLessThanOrEqual(160);
    const { messages } = anchorRequest(request, said, "Go on after {tail}, please");
    expect(messages.at(-1)?.content).toEqual([{ type: "text", text: `Go on after ${tail}, please` }]);
  });

  test("never half of a surrogate pair", () => {
    const waves = "🌊".repeat(100);
    for (const cut of [waves, waves.slice(0, -1), `x${waves}`]) {
      expect(tailOf(cut).isWellFormed()).toBe(true);
      expect(JSON.stringify(anchorRequest(request, cut, "{tail}").messages)).not.toContain("\\ud83c");
      expect(JSON.stringify(prefillRequest(request, cut, { kind: "trailing-assistant" }).messages)).not.toContain(
        "\\ud",
      );
    }
  });

  test("`$` in what was said means nothing", () => {
    const { messages } = anchorRequest(request, "It costs $& or $1", "<{tail}>");
    expect(messages.at(-1)?.content).toEqual([{ type: "text", text: "<It costs $& or $1>" }]);
  });

  test("and what is left of its limit", () => {
    const limited = { ...request, maxOutputTokens: 100 };
    expect(prefillRequest(limited, "x".repeat(200), { kind: "trailing-assistant" }).maxOutputTokens).toBe(50);
    expect(prefillRequest(limited, "x".repeat(2_000), { kind: "trailing-assistant" }).maxOutputTokens).toBe(16);
    expect(prefillRequest(request, "x", { kind: "trailing-assistant" }).maxOutputTokens).toBeUndefined();
  });
});
