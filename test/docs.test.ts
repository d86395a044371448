import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { configurationPage } from "../scripts/configuration-docs.ts";

test("the configuration page says what the schema says", () => {
  const written = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  expect(written, "run `node scripts/configuration-docs.ts`").toBe(configurationPage());
});
