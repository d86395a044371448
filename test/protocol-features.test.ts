import { describe, expect, test } from "vitest";

import { answerFeatures, fateOfAnswer, fateOfRequest, requestFeatures } from "./support/protocol-features.ts";
import { allRows } from "./support/protocol-rows.ts";

const spoken = allRows.filter(({ spokenBy }) => spokenBy !== undefined);
const withTools = allRows.filter(({ served }) => served?.textOnly !== true);

describe.each(spoken.map((row) => ({ name: row.protocol.name, protocol: row.protocol })))("$name", ({ protocol }) => {
  test.each(requestFeatures)("says $name to a provider, or tells that it does not", (feature) => {
    expect(fateOfRequest(protocol, feature)).not.toBe("lost");
  });
});

describe.each(withTools.map((row) => ({ name: row.protocol.name, protocol: row.protocol })))(
  "$name",
  ({ protocol }) => {
    const always = new Set(["text", "reasoning", "tool calls", "several tool calls", "usage", "end: it broke off"]);

    test.each(answerFeatures.filter(({ name }) => always.has(name)))("brings $name to a client", (feature) => {
      expect(fateOfAnswer(protocol, feature)).toBe("yes");
    });
  },
);
