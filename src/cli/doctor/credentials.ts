import type { ProviderCheck } from "../../providers/provider-check.ts";
import type { Finding } from "./finding.ts";
import type { FoundProvider } from "./providers.ts";

type Judgement = Pick<Finding, "level" | "message" | "next">;

/** What a provider's answer to the free call says about its key. */
export function judgeCheck({ status, failure, provesKey }: ProviderCheck, found: FoundProvider): Judgement {
  if (failure === undefined) {
    if (provesKey) return { level: "ok", message: "takes the key" };
    if (!hasKey(found)) return { level: "ok", message: "answers; it has no key" };
    return { level: "note", message: "answers, but to anyone, so this does not check the key" };
  }
  const said = `HTTP ${status}`;
  if (failure.code === "provider-auth" && isLimitedKey(status, failure.providerCode)) {
    return {
      level: "warning",
      message: `does not let this key list models (${said})`,
      next: `where the key is limited to other calls, this is fine: headrace stream Hello -m ${found.name}/<model> tells`,
    };
  }
  if (failure.code === "provider-auth") {
    return { level: "problem", message: `refuses the key (${said})`, next: mendKey(found) };
  }
  if (status === 429) {
    return {
      level: "warning",
      message: `gets too many calls or has no credit left (${said})`,
      next: "look at the account's limits and billing with the provider",
    };
  }
  if (status >= 500) {
    return {
      level: "problem",
      message: `has trouble of its own (${said})`,
      next: "look at its status page; try again later",
    };
  }
  if (status >= 300 && status < 400) {
    return {
      level: "problem",
      message: `leads elsewhere (${said}), where no key is sent`,
      next: "make the address that it leads to the baseUrl",
    };
  }
  return {
    level: "warning",
    message: `answers, but has no list of models (${said}), so the key is not checked`,
    next: `check baseUrl; if answers come, this is fine: headrace stream Hello -m ${found.name}/<model>`,
  };
}

/** What it says that there was no answer. */
export function judgeFailedCheck(error: unknown, found: FoundProvider, timeoutMs: number | undefined): Judgement {
  const next =
    found.vendor?.local === true
      ? "start it, or take it out of the configuration"
      : "check baseUrl, the network and HTTPS_PROXY";
  if (timeoutMs !== undefined) return { level: "problem", message: `no answer within ${timeoutMs / 1000} s`, next };
  return { level: "problem", message: error instanceof Error ? error.message : String(error), next };
}

/** Known, but without the right to this call; AWS has one status for this and for keys that are wrong. */
function isLimitedKey(status: number, providerCode: string | undefined): boolean {
  return status === 403 && (providerCode === undefined || !/client|signature|token|key/i.test(providerCode));
}

function hasKey({ settings, foundBy }: FoundProvider): boolean {
  return settings.apiKey !== undefined || /KEY|TOKEN/.test(foundBy);
}

function mendKey({ settings, vendor, foundBy }: FoundProvider): string {
  if (settings.apiKey !== undefined) return "the key is written in the configuration; make a new one there";
  const variable = settings.apiKeyVariable ?? vendor?.apiKeyVariable ?? "the key's variable";
  const file = foundBy.includes(`${variable} (.env)`) ? ", which is set in .env" : "";
  return `put a valid key into ${variable}${file}; it may be revoked, cut short, or another vendor's`;
}
