import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { bedrockConverse } from "../src/protocols/bedrock-converse.ts";
import type { AwsCredentials } from "../src/providers/aws-credentials.ts";
import { awsCredentials, cachedCredentials } from "../src/providers/aws-credentials.ts";
import { createAwsSignature } from "../src/providers/aws-signature.ts";
import { createVirtualClock } from "../src/testing.ts";

const credentials: AwsCredentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "token/with+signs==",
};
const host = "bedrock-runtime.eu-west-1.amazonaws.com";
const scope = { service: "bedrock", region: "eu-west-1" };

/** What the vendor's own signer makes of the same request. */
async function vendorSignature(url: URL, body: string, signedAt: number): Promise<string | undefined> {
  const signer = new SignatureV4({ ...scope, credentials, sha256: Sha256, applyChecksum: false });
  const { hostname, pathname, search } = url;
  const query = Object.fromEntries(new URLSearchParams(search));
  const request = {
    method: "POST",
    protocol: "https:",
    hostname,
    path: pathname,
    query,
    headers: { host: hostname },
    body,
  };
  const signed = await signer.sign(request, { signingDate: new Date(signedAt) });
  return signed.headers["authorization"];
}

class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", toBytes(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(toBytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {
    throw new Error("not needed");
  }
}

function toBytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

describe("a signed request", () => {
  test.each([
    "anthropic.claude-v2:1",
    "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2!'()*",
    "mödel with spaces",
    "plain",
  ])("for %s has the signature that the vendor's own client would give it", async (model) => {
    const clock = createVirtualClock({ startsAt: Date.UTC(2026, 10, 21, 7, 10, 1) });
    const sign = createAwsSignature({ ...scope, credentials: async () => credentials, clock });
    const url = `https://${host}${bedrockConverse.endpoint?.write({ model, messages: [] })}`;
    const body = JSON.stringify({ messages: [{ role: "user", content: [{ text: "é 👋" }] }] });
    const headers = await sign({ method: "POST", url, headers: { accept: "x", "user-agent": "headrace" }, body });
    expect(headers).toMatchObject({
      accept: "x",
      "user-agent": "headrace",
      "x-amz-date": "20261121T071001Z",
      "x-amz-security-token": credentials.sessionToken,
    });
    expect(headers["authorization"]).toMatch(/SignedHeaders=host;x-amz-date;x-amz-security-token,/);
    expect(headers["authorization"]).toBe(await vendorSignature(new URL(url), body, clock.now()));
  });

  test("has its path encoded twice: a colon that is %3A in the address is %253A in what is signed", async () => {
    const clock = createVirtualClock();
    const sign = createAwsSignature({ ...scope, credentials: async () => credentials, clock });
    const body = "{}";
    const signatureOf = async (path: string) =>
      (await sign({ method: "POST", url: `https://${host}${path}`, headers: {}, body }))["authorization"];
    const [colon, encoded] = await Promise.all([
      signatureOf("/model/a:1/converse"),
      signatureOf("/model/a%3A1/converse"),
    ]);
    expect(encoded).not.toBe(colon);
    expect(encoded).toBe(await vendorSignature(new URL(`https://${host}/model/a%3A1/converse`), body, clock.now()));
  });

  test("is signed at the clock's time, with the region of the service", async () => {
    const clock = createVirtualClock({ startsAt: Date.UTC(2026, 10, 21, 23, 59, 59) });
    const sign = createAwsSignature({ ...scope, credentials: async () => credentials, clock });
    const authorization = async () =>
      (await sign({ method: "POST", url: `https://${host}/`, headers: {}, body: "" }))["authorization"];
    expect(await authorization()).toContain("Credential=AKIDEXAMPLE/20261121/eu-west-1/bedrock/aws4_request");
    await clock.advance(1000);
    expect(await authorization()).toContain("Credential=AKIDEXAMPLE/20261122/eu-west-1/bedrock/aws4_request");
  });
});

describe("AWS credentials", () => {
  const clock = createVirtualClock();
  const options = { region: "eu-west-1", clock };

  test("in the environment are taken as they are", async () => {
    const environment = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" };
    expect(await awsCredentials({ ...options, environment })()).toEqual({
      accessKeyId: "a",
      secretAccessKey: "b",
      sessionToken: "c",
    });
  });

  test("of the chain are looked for once, when they are first needed", async () => {
    let opened = 0;
    const openChain = async (region: string) => {
      opened += 1;
      return async () => ({ accessKeyId: region, secretAccessKey: "s" });
    };
    const source = awsCredentials({ ...options, environment: {}, openChain });
    expect(opened).toBe(0);
    const [one, other] = await Promise.all([source(), source()]);
    expect(one).toBe(other);
    expect(await source()).toBe(one);
    expect(one.accessKeyId).toBe("eu-west-1");
    expect(opened).toBe(1);
  });

  test("are those of the vendor's own chain by default", async () => {
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    vi.stubEnv("AWS_ACCESS_KEY_ID", "from-the-chain");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s");
    expect(await awsCredentials({ ...options, environment: {} })()).toMatchObject({ accessKeyId: "from-the-chain" });
  });

  test("are renewed shortly before they expire, and kept while renewing fails", async () => {
    let fetched = 0;
    let fails = false;
    const start = clock.now();
    const source = cachedCredentials(async () => {
      if (fails) throw new Error("no network");
      fetched += 1;
      return { accessKeyId: String(fetched), secretAccessKey: "s", expiresAt: clock.now() + 3_600_000 };
    }, clock);
    const id = async () => (await source()).accessKeyId;
    expect(await id()).toBe("1");
    await clock.advance(54 * 60_000);
    expect(await id()).toBe("1");
    fails = true;
    await clock.advance(2 * 60_000);
    expect(await id()).toBe("1");
    fails = false;
    expect(await id()).toBe("2");
    fails = true;
    await clock.advance(3_600_001);
    await expect(id()).rejects.toMatchObject({ code: "provider-auth" });
    expect(clock.now()).toBeGreaterThan(start);
  });

  test("that cannot be had are an error that says what to set, and nothing of what was found", async () => {
    const openChain = async () => async () => {
      throw new Error("credential_process printed CANARY");
    };
    const error = await awsCredentials({ ...options, environment: {}, openChain })().catch((error_: unknown) => error_);
    expect(error).toMatchObject({
      code: "provider-auth",
      message: expect.stringContaining("AWS_ACCESS_KEY_ID") as string,
    });
    expect(everythingIn(error)).not.toContain("CANARY");
  });
});

function everythingIn(error: unknown): string {
  const { message, stack, cause } = error as Error;
  return [message, stack, cause].join(" ");
}
