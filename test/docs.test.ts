import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { configurationPage } from "../scripts/configuration-docs.ts";
import { protocolsPage } from "../scripts/protocol-docs.ts";
import { simulatorPage } from "../scripts/simulator-docs.ts";

test("the configuration page says what the schema says", () => {
  const written = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  expect(written, "run `node scripts/configuration-docs.ts`").toBe(configurationPage());
});

test("the simulator page says what the table of faults says", () => {
  const written = readFileSync(new URL("../docs/simulator.md", import.meta.url), "utf8");
  expect(written, "run `node scripts/simulator-docs.ts`").toBe(simulatorPage());
});

test("the page of protocols says what they do", () => {
  const written = readFileSync(new URL("../docs/protocols.md", import.meta.url), "utf8");
  expect(written, "run `node scripts/protocol-docs.ts`").toBe(protocolsPage());
});
