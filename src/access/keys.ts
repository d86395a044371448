import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { HeadraceError } from "../core/errors.ts";

/** What a key is for: `user` for its own streams, `admin` also for the records of all of them, and for the gateway. */
export type Role = "user" | "admin";

/** A key as configured: the key itself, or the hex SHA-256 of it behind `sha256:`. */
export interface ConfiguredKey {
  /** Missing: its streams belong to the key itself, under a name that is made of it. */
  name?: string | undefined;
  role: Role;
  key?: string;
  keyHash?: string;
}

/** Who asks. */
export interface Principal {
  /** Owns the streams it starts. The empty string when no keys are in use. */
  owner: string;
  role: Role;
}

export interface Keyring {
  /**
   * Finds out who asks, whichever header carries the key.
   *
   * @param inAddress - a key from the address, for protocols that have it there.
   * @throws HeadraceError `unauthorized` - no key, or an unknown one.
   * @throws HeadraceError `invalid-request` - two different keys in one request.
   */
  authenticate(headers: Headers, inAddress?: string): Principal;
}

/** Whoever reaches a gateway without keys is at its machine, and may see everything. */
const anonymous: Principal = { owner: "", role: "admin" };

/** The headers in which official clients send their key. */
const keyHeaders = ["x-api-key", "api-key", "x-goog-api-key"] as const;

/**
 * A ring without keys lets everybody in, as one anonymous owner: for a gateway that only its own machine can reach.
 *
 * @throws HeadraceError `invalid-request` - one key is written twice, with different owners or roles.
 */
export function createKeyring(keys: readonly ConfiguredKey[]): Keyring {
  // A random pepper: what is kept in memory is of no use to whoever reads it.
  const pepper = randomBytes(32);
  const mac = (keyHash: string): Buffer => createHmac("sha256", pepper).update(keyHash).digest();
  const known = keys.map(({ name, role, key, keyHash }) => {
    const hash = keyHash?.replace(/^sha256:/, "") ?? sha256(key ?? "");
    return { principal: { owner: name ?? ownerOf(hash), role }, mac: mac(hash) };
  });
  checkTwice(known);

  return {
    authenticate(headers, inAddress) {
      if (known.length === 0) return anonymous;
      const credential = credentialIn(headers, inAddress);
      if (credential === undefined) {
        throw new HeadraceError("unauthorized", "this gateway needs a key: send `Authorization: Bearer <key>`");
      }
      const asked = mac(sha256(credential));
      let found: Principal | undefined;
      // Every key is compared, so the time says nothing about which one matched.
      for (const { principal, mac: expected } of known) {
        if (timingSafeEqual(asked, expected)) found = principal;
      }
      if (found === undefined)
        throw new HeadraceError("unauthorized", "this key is not known here; check it for typing errors");
      return found;
    },
  };
}

/** A name for a key that has none. It follows the key wherever it is written, and tells nothing of it. */
function ownerOf(keyHash: string): string {
  return `key-${sha256(`headrace owner ${keyHash}`).slice(0, 12)}`;
}

function checkTwice(known: readonly { principal: Principal; mac: Buffer }[]): void {
  const byMac = new Map<string, Principal>();
  for (const { principal, mac } of known) {
    const other = byMac.get(mac.toString("hex")) ?? principal;
    if (other.owner !== principal.owner || other.role !== principal.role) {
      throw new HeadraceError(
        "invalid-request",
        `access.keys: ${describe(other)} and ${describe(principal)} are the same key; a key has one owner and one role, so take one of them out`,
      );
    }
    byMac.set(mac.toString("hex"), principal);
  }
}

function describe({ owner, role }: Principal): string {
  return `"${owner}" (${role})`;
}

function credentialIn(headers: Headers, inAddress: string | undefined): string | undefined {
  const found = new Set<string>();
  if (inAddress !== undefined && inAddress !== "") found.add(inAddress);
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const [scheme, token] = authorization.trim().split(/\s+/, 2);
    if (scheme?.toLowerCase() !== "bearer" || token === undefined) {
      throw new HeadraceError("unauthorized", "the Authorization header must be `Bearer <key>`");
    }
    found.add(token);
  }
  for (const name of keyHeaders) {
    const value = headers.get(name);
    if (value !== null) found.add(value.trim());
  }
  if (found.size > 1) {
    throw new HeadraceError("invalid-request", "the request carries two different keys; send one");
  }
  return found.values().next().value;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
