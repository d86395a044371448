import OpenAI from "openai";
import { describe, expect, test } from "vitest";

import { providersFromEnvironment } from "../src/config/environment.ts";
import type { Observation } from "../src/core/observer.ts";
import type { ConfigInput } from "../src/index.ts";
import { createSimulator } from "../src/providers/simulator/simulator.ts";
import { vendors } from "../src/providers/vendors.ts";
import { createVirtualClock } from "../src/testing.ts";
import { startGateway } from "./support/gateway.ts";

interface Call {
  url: string;
  headers: Record<string, string>;
  body: string;
}

const canaries = {
  AWS_ACCESS_KEY_ID: "AKIACANARYCANARY",
  AWS_SECRET_ACCESS_KEY: "canary-secret",
  AWS_SESSION_TOKEN: "canary-session",
};

interface Open {
  providers?: ConfigInput["providers"];
  environment?: Record<string, string>;
  respond?: () => Response;
}

/** The official OpenAI client before Headrace before Bedrock, for which the simulator stands, and what Bedrock was sent. */
async function open({ providers, environment = {}, respond }: Open) {
  const simulate = createSimulator({ clock: createVirtualClock() });
  const calls: Call[] = [];
  const observations: Observation[] = [];
  const reports: string[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    calls.push({ url, headers: init.headers as Record<string, string>, body: init.body as string });
    return respond?.() ?? simulate(url, init);
  };
  const { url } = await startGateway(
    { reliability: { maxAttempts: 1 }, ...(providers && { providers }) },
    {
      fetch,
      environment,
      observe: (observation) => observations.push(observation),
      report: (error) => reports.push([error.message, error.stack, String(error.cause)].join(" ")),
    },
  );
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const complete = (model: string) =>
    openai.chat.completions.create({ model, messages: [{ role: "user", content: "Why is the sky blue?" }] });
  return { complete, calls, observations, reports };
}

describe("Bedrock as a provider", () => {
  test("is asked in its region, with its key as a bearer token", async () => {
    const environment = { AWS_REGION: "eu-west-1", AWS_BEARER_TOKEN_BEDROCK: "token", ...canaries };
    const { complete, calls } = await open({ environment });
    const { choices } = await complete("bedrock/instant");
    expect(choices[0]?.message.content).toContain("Rayleigh");
    const [call] = calls;
    expect(call?.url).toBe("https://bedrock-runtime.eu-west-1.amazonaws.com/model/instant/converse-stream");
    expect(call?.headers).toMatchObject({
      accept: "application/vnd.amazon.eventstream, application/json",
      authorization: "Bearer token",
    });
    expect(call?.headers).not.toHaveProperty("x-amz-date");
    expect(JSON.parse(call?.body ?? "")).toEqual({
      messages: [{ role: "user", content: [{ text: "Why is the sky blue?" }] }],
    });
  });

  test("is sent signed requests where there are credentials and no key", async () => {
    const environment = { AWS_DEFAULT_REGION: "us-west-2", ...canaries };
    const { complete, calls } = await open({ environment });
    await complete("bedrock/instant");
    expect(calls[0]?.headers["authorization"]).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIACANARYCANARY\/\d{8}\/us-west-2\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(calls[0]?.headers["x-amz-security-token"]).toBe("canary-session");
  });

  test("takes its region and address from the configuration before the environment", async () => {
    const { complete, calls } = await open({
      providers: {
        near: { vendor: "bedrock", region: "eu-central-1" },
        inside: { vendor: "bedrock", region: "eu-central-1", baseUrl: "https://vpce-1.example/" },
      },
      environment: { AWS_REGION: "us-east-1", ...canaries },
    });
    await complete("near/instant");
    await complete("inside/instant");
    expect(calls.map(({ url }) => url)).toEqual([
      "https://bedrock-runtime.eu-central-1.amazonaws.com/model/instant/converse-stream",
      "https://vpce-1.example/model/instant/converse-stream",
    ]);
    expect(calls[1]?.headers["authorization"]).toContain("/eu-central-1/bedrock/");
  });

  test.each([
    [{ AWS_REGION: "eu-west-1" }, false],
    [{ AWS_ACCESS_KEY_ID: "a" }, false],
    [{ AWS_BEARER_TOKEN_BEDROCK: "t" }, false],
    [{ AWS_REGION: "eu-west-1", AWS_ACCESS_KEY_ID: "a" }, true],
    [{ AWS_DEFAULT_REGION: "eu-west-1", AWS_BEARER_TOKEN_BEDROCK: "t" }, true],
  ])("appears with %j: %s", (environment, appears) => {
    expect(Object.hasOwn(providersFromEnvironment(environment, vendors), "bedrock")).toBe(appears);
  });

  test.each([
    [{ vendor: "bedrock" }, "providers.aws.region: is missing; set it, or AWS_REGION or AWS_DEFAULT_REGION"],
    [
      { vendor: "bedrock", region: "evil.example/" },
      'providers.aws.region: must be like us-east-1, but is "evil.example/"',
    ],
  ])("configured as %j says what is wrong", async (aws, message) => {
    await expect(open({ providers: { aws } })).rejects.toThrow(message);
  });

  test.each([
    [403, { "x-amzn-errortype": "UnrecognizedClientException" }, { message: "canary: the security token is invalid" }],
    [429, { "x-amzn-errortype": "ThrottlingException" }, { message: "canary: slow down" }],
  ])("that answers %i is an error without a word of its own, or of our credentials", async (status, headers, body) => {
    const respond = () => Response.json(body, { status, headers });
    const environment = { AWS_REGION: "eu-west-1", ...canaries };
    const { complete, observations, reports } = await open({ environment, respond });
    const error = await complete("bedrock/instant").catch((error_: unknown) => error_);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    const said = JSON.stringify([error, (error as Error).message, observations, reports]);
    expect(observations.length).toBeGreaterThan(2);
    expect(said).not.toMatch(/canary|AKIA/i);
  });
});

describe("Azure OpenAI as a provider", () => {
  const azure = { AZURE_OPENAI_ENDPOINT: "https://res.openai.azure.com/", AZURE_OPENAI_API_KEY: "key" };

  test("is asked at the v1 address of the resource, with its key in its own header", async () => {
    const { complete, calls } = await open({ environment: azure });
    await complete("azure-openai/instant");
    expect(calls[0]?.url).toBe("https://res.openai.azure.com/openai/v1/chat/completions");
    expect(calls[0]?.headers["api-key"]).toBe("key");
    expect(calls[0]?.headers).not.toHaveProperty("authorization");
  });

  test("is asked at the address of a deployment where a version of the API is set", async () => {
    const { complete, calls } = await open({ environment: { ...azure, OPENAI_API_VERSION: "2024-10-21" } });
    // Only the address is of interest: the simulator takes it for what it is.
    await complete("azure-openai-deployments/instant");
    expect(calls[0]?.url).toBe(
      "https://res.openai.azure.com/openai/deployments/instant/chat/completions?api-version=2024-10-21",
    );
  });

  test("takes another address, path and version from the configuration", async () => {
    const { complete, calls } = await open({
      providers: {
        gateway: { vendor: "azure-openai", baseUrl: "https://apim.example/llm/v1", apiKey: "k", apiVersion: "preview" },
      },
    });
    await complete("gateway/instant");
    expect(calls[0]?.url).toBe("https://apim.example/llm/v1/chat/completions?api-version=preview");
  });

  test.each([
    [{ AZURE_OPENAI_API_KEY: "key" }, []],
    [{ AZURE_OPENAI_ENDPOINT: "https://res.openai.azure.com" }, []],
    [azure, ["azure-openai"]],
    [{ ...azure, OPENAI_API_VERSION: "2024-10-21" }, ["azure-openai", "azure-openai-deployments"]],
  ])("appears with %j as %j", (environment, expected) => {
    expect(Object.keys(providersFromEnvironment(environment, vendors))).toEqual(expected);
  });

  test("that blocks a prompt is a content filter's error", async () => {
    const body = {
      error: {
        message: "canary: the response was filtered",
        code: "content_filter",
        status: 400,
        innererror: { code: "ResponsibleAIPolicyViolation", content_filter_result: { violence: { filtered: true } } },
      },
    };
    const { complete } = await open({ environment: azure, respond: () => Response.json(body, { status: 400 }) });
    const error = await complete("azure-openai/instant").catch((error_: unknown) => error_);
    expect(error).toMatchObject({ status: 400, code: "content_filter" });
    expect(String(error)).not.toContain("canary");
  });
});
