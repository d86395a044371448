import type { Config, ProviderConfig } from "../config.ts";

/** The same configuration with every secret replaced, for printing. */
export function maskSecrets(config: Config): Config {
  const hidden = "********";
  const providers = Object.entries(config.providers).map(([name, provider]) => {
    const masked: ProviderConfig = { ...provider };
    if (provider.baseUrl !== undefined) masked.baseUrl = maskUrl(provider.baseUrl, hidden);
    if (provider.apiKey !== undefined) masked.apiKey = hidden;
    if (provider.headers !== undefined) {
      masked.headers = Object.fromEntries(Object.keys(provider.headers).map((header) => [header, hidden]));
    }
    return [name, masked] as const;
  });
  const keys = config.access.keys.map((entry) => ({
    ...entry,
    ...(entry.key === undefined ? {} : { key: hidden }),
    ...(entry.keyHash === undefined ? {} : { keyHash: hidden }),
  }));
  return { ...config, providers: Object.fromEntries(providers), access: { ...config.access, keys } };
}

/** A key may be in front of the host, or behind a question mark. */
function maskUrl(text: string, hidden: string): string {
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "") return text;
  const { protocol, host, pathname, username, search } = url;
  return `${protocol}//${username === "" ? "" : `${hidden}@`}${host}${pathname}${search === "" ? "" : `?${hidden}`}`;
}
