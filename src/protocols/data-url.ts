import type { MediaSource } from "../core/request.ts";

const pattern = /^data:([^;,]+)(?:;[^;,]*)*;base64,(.*)$/s;

/** Media behind an address, which may hold the media itself. */
export function readMediaUrl(url: string): MediaSource {
  const [whole, mediaType = "", data = ""] = pattern.exec(url) ?? [];
  return whole === undefined ? { kind: "url", url } : { kind: "base64", mediaType, data };
}

export function dataUrlOf({ mediaType, data }: Extract<MediaSource, { kind: "base64" }>): string {
  return `data:${mediaType};base64,${data}`;
}
