import { HeadraceError } from "../core/errors.ts";
import type { Clock } from "../core/time.ts";

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** Milliseconds since the epoch; left out, they are good for ever. */
  expiresAt?: number;
}

/** Gives credentials that are good now: the same object as long as they are. */
export type CredentialSource = () => Promise<AwsCredentials>;

type Variables = Readonly<Record<string, string | undefined>>;

export interface CredentialOptions {
  environment: Variables;
  region: string;
  clock: Clock;
  /** Looks wherever the vendor's own tools look. Default: the vendor's package, where it is installed. */
  openChain?: (region: string) => Promise<CredentialSource>;
}

/**
 * The credentials of the environment: `AWS_ACCESS_KEY_ID` and what belongs to it, or else whatever AWS's own chain finds
 * (profiles, single sign-on, the role of a container or a machine), fetched when they are first needed.
 */
export function awsCredentials({
  environment,
  region,
  clock,
  openChain = openVendorChain,
}: CredentialOptions): CredentialSource {
  const fixed = fixedCredentials(environment);
  if (fixed !== undefined) return () => Promise.resolve(fixed);
  let chain: CredentialSource | undefined;
  return cachedCredentials(async () => {
    chain ??= await openChain(region);
    return chain();
  }, clock);
}

function fixedCredentials(environment: Variables): AwsCredentials | undefined {
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"]?.trim();
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"]?.trim();
  const sessionToken = environment["AWS_SESSION_TOKEN"]?.trim();
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** Credentials are fetched anew this long before they expire. */
const renewBeforeMs = 5 * 60_000;

/** Keeps credentials until shortly before they expire. Many requests at once fetch them once. */
export function cachedCredentials(fetch: CredentialSource, clock: Clock): CredentialSource {
  let kept: AwsCredentials | undefined;
  let fetching: Promise<AwsCredentials> | undefined;

  const isGoodFor = (ms: number): boolean =>
    kept !== undefined && (kept.expiresAt === undefined || kept.expiresAt - clock.now() > ms);

  async function renew(): Promise<AwsCredentials> {
    try {
      kept = await fetch();
    } catch (error) {
      // What is about to expire is still good.
      if (kept === undefined || !isGoodFor(0)) throw noCredentials(error);
    } finally {
      fetching = undefined;
    }
    return kept;
  }

  return () => (kept !== undefined && isGoodFor(renewBeforeMs) ? Promise.resolve(kept) : (fetching ??= renew()));
}

const packageName = "@aws-sdk/credential-provider-node";

/** The error's own text may quote what a credential process printed, so no more than its name is said. */
function noCredentials(error: unknown): HeadraceError {
  const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
  const found = isMissing ? "" : ` (${error instanceof Error ? error.name : "failed"})`;
  const hint = isMissing ? `; for profiles, single sign-on and roles, install ${packageName}` : "";
  return new HeadraceError(
    "provider-auth",
    `there are no AWS credentials${found}: set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY${hint}`,
  );
}

/** Heavy, and of no use to most, so it is no dependency and loaded only when needed. */
async function openVendorChain(region: string): Promise<CredentialSource> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  const provider = defaultProvider({ clientConfig: { region } });
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await provider();
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      ...(expiration !== undefined && { expiresAt: expiration.getTime() }),
    };
  };
}
