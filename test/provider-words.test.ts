import { expect, test } from "vitest";

import { protocols } from "../src/protocols/all.ts";

const keys = [
  "sk-proj-4fJ8sKd02LmQx7Tz91Vb6Ny3Rw5Hc8Pe",
  "sk-ant-api03-9Xk2mQ7vLp4Rt8Wz1Yb6Nc3Jd5Fg0Hs",
  "AIzaSyD4k8Jm2Qx7Tz91Vb6Ny3Rw5Hc8Pe0aBcD",
  "0123456789abcdef0123456789abcdef",
  "gsk_8sKd02LmQx7Tz91Vb6Ny3Rw5",
];
const spoken = ["openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse"] as const;

test.each(spoken)("a key that a provider repeats in an error of %s goes no further", (name) => {
  for (const key of keys) {
    const inner = {
      code: key,
      type: key,
      param: key,
      status: key,
      message: `bad key ${key}`,
      details: { error_code: key },
    };
    for (const body of [{ error: inner }, { type: "error", error: { ...inner, type: "api_error" } }, inner]) {
      for (const status of [400, 401, 429, 500]) {
        const error = protocols[name].readError({ status, headers: {}, body: JSON.stringify(body) });
        expect(JSON.stringify(error.report())).not.toContain(key);
        expect(error.message).not.toContain(key);
      }
    }
  }
});

test("the provider's own word for what happened is passed on", () => {
  for (const code of ["insufficient_quota", "unsupported_country_region_territory", "Throttling.RateQuota", "E1302"]) {
    const body = JSON.stringify({ error: { code, message: "no", param: "messages[12].content[3].text" } });
    const report = protocols["openai-chat"].readError({ status: 400, headers: {}, body }).report();
    expect(report).toMatchObject({ providerCode: code, param: "messages[12].content[3].text" });
  }
});
