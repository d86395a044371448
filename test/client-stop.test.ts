import { expect, test } from "vitest";

import { createClient } from "../src/client/client.ts";
import { eventually, scriptedModel, startGateway } from "./support/gateway.ts";

test("an answer that has not begun can be stopped, and the model is started once", async () => {
  const script = scriptedModel(["too late"]);
  script.hold(0);
  const { url } = await startGateway({ models: { slow: script.model } });
  const answer = createClient({ baseUrl: url }).stream({ model: "slow", prompt: "go" });
  await eventually(() => script.started === 1);
  await answer.stop();
  expect(await answer.final).toMatchObject({ outcome: "cancelled", text: "" });
  expect(script).toMatchObject({ aborted: true, started: 1 });
});
