import { describe, expect, test } from "vitest";

import type { HeadraceError } from "../src/core/errors.ts";
import { protocols } from "../src/protocols/all.ts";
import { withRetryAdvice } from "../src/providers/retry-advice.ts";
import { remedyFor } from "../src/reliability/remedy.ts";

const date = "Sat, 21 Nov 2026 12:00:00 GMT";

/** What comes of a 429 with these headers. */
function limited(headers: Record<string, string>): HeadraceError {
  const failure = { status: 429, headers, body: '{"error": {"code": "rate_limit_exceeded"}}' };
  return withRetryAdvice(protocols["openai-chat"].readError(failure), headers);
}

describe("when a provider says that it may be asked again", () => {
  test.each([
    ["in milliseconds, which win over seconds", { "retry-after-ms": "1500", "retry-after": "9" }, 1_500],
    ["in seconds, which may be decimal", { "retry-after": "2.5" }, 2_500],
    ["as a date, by its own clock", { date, "retry-after": "Sat, 21 Nov 2026 12:00:07 GMT" }, 7_000],
    ["and wins over the reset of a limit", { "retry-after": "1", ...reset("requests", "0", "60s") }, 1_000],
    ["by the reset of a limit that is used up", reset("requests", "0", "1m2.5s"), 62_500],
    ["by the longest of several", { ...reset("requests", "0", "20ms"), ...reset("tokens", "0", "3s") }, 3_000],
    [
      "as Anthropic does",
      {
        date,
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:04Z",
      },
      4_000,
    ],
  ] as const)("%s", (_how, headers, expected) => {
    expect(limited(headers).retryAfterMs).toBe(expected);
  });

  test.each([
    ["a negative number", { "retry-after": "-5" }],
    ["a word", { "retry-after": "soon" }],
    ["a date that is over", { date, "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT" }],
    ["a limit of which something remains", reset("requests", "7", "60s")],
    ["a reset that is no time", reset("requests", "0", "later")],
  ])("row 5: %s says nothing", (_what, headers) => {
    expect(limited(headers).retryAfterMs).toBeUndefined();
  });
});

describe("x-should-retry", () => {
  const answer = (status: number, word: string): HeadraceError => {
    const headers = { "x-should-retry": word };
    return withRetryAdvice(protocols["openai-chat"].readError({ status, headers, body: "{}" }), headers);
  };

  test("wins over what the status would mean", () => {
    expect(remedyFor(answer(500, "false"))).toBe("elsewhere");
    expect(remedyFor(answer(409, "true"))).toBe("again-or-elsewhere");
    expect(remedyFor(answer(503, "true"))).toBe("again-or-elsewhere");
  });

  test("does not send a refused request to others", () => {
    expect(remedyFor(answer(400, "false"))).toBe("none");
  });

  test("means nothing when it is neither true nor false", () => {
    expect(remedyFor(answer(500, "maybe"))).toBe("again-or-elsewhere");
  });
});

function reset(limit: string, remaining: string, when: string): Record<string, string> {
  return { [`x-ratelimit-remaining-${limit}`]: remaining, [`x-ratelimit-reset-${limit}`]: when };
}
