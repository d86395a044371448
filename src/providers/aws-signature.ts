import { AwsV4Signer } from "aws4fetch";

import type { Clock } from "../core/time.ts";
import type { AwsCredentials, CredentialSource } from "./aws-credentials.ts";
import type { Sign } from "./http-provider.ts";

export interface AwsSignatureOptions {
  /** As AWS names it in signatures, such as `bedrock`. */
  service: string;
  region: string;
  credentials: CredentialSource;
  clock: Clock;
}

/**
 * Signs requests as AWS wants it (Signature Version 4).
 *
 * Only the host and headers of AWS's own are signed beside the body: a proxy may change the others.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createAwsSignature({ service, region, credentials, clock }: AwsSignatureOptions): Sign {
  let keys: { of: AwsCredentials; derived: Map<string, ArrayBuffer> } | undefined;

  return async ({ method, url, headers, body }) => {
    const current = await credentials();
    // Keys are derived once a day from the secret; with the secret they go.
    if (keys?.of !== current) keys = { of: current, derived: new Map() };
    const { accessKeyId, secretAccessKey, sessionToken } = current;
    const signer = new AwsV4Signer({
      method,
      url,
      headers: Object.entries(headers).filter(([name]) => name.startsWith("x-amz")),
      body,
      service,
      region,
      datetime: timestamp(clock.now()),
      cache: keys.derived,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
    });
    const signed = await signer.sign();
    return { ...headers, ...Object.fromEntries(signed.headers) };
  };
}

/** `20261121T071001Z` */
function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, "");
}
