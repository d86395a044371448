import type { JsonObject } from "../core/json.ts";
import type { MediaSource, Part } from "../core/request.ts";
import type { BodyFields } from "./body-fields.ts";
import { HeadraceError } from "../core/errors.ts";

/** Formats that have a block, and the media types that they are. The first name of a media type is the one to write. */
const formats = {
  image: { png: "image/png", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  document: {
    pdf: "application/pdf",
    csv: "text/csv",
    doc: "application/msword",
    docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    xls: "application/vnd.ms-excel",
    xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    html: "text/html",
    txt: "text/plain",
    md: "text/markdown",
  },
  video: {
    mp4: "video/mp4",
    mov: "video/quicktime",
    mkv: "video/x-matroska",
    webm: "video/webm",
    flv: "video/x-flv",
    mpeg: "video/mpeg",
    mpg: "video/mpg",
    wmv: "video/x-ms-wmv",
    three_gp: "video/3gpp",
  },
  audio: {
    mp3: "audio/mp3",
    wav: "audio/wav",
    flac: "audio/flac",
    ogg: "audio/ogg",
    opus: "audio/opus",
    aac: "audio/aac",
    m4a: "audio/m4a",
    pcm: "audio/pcm",
    webm: "audio/webm",
    mp4: "audio/mp4",
  },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

type MediaKind = keyof typeof formats;

export const mediaKinds = Object.keys(formats) as MediaKind[];

/** What other names a media type goes by. */
const synonyms: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "audio/mpeg": "audio/mp3",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "text/x-markdown": "text/markdown",
};

/** Reads a block of media. */
export function readMedia(kind: MediaKind, block: BodyFields): Part {
  const source = readSource(kind, block);
  if (source === undefined) return { type: "untranslatable", what: `${kind} of a kind that only Bedrock knows` };
  if (kind === "image" || kind === "audio") return { type: kind, source };
  const name = block.string("name");
  return { type: "file", source, ...(name !== undefined && { name }) };
}

function readSource(kind: MediaKind, block: BodyFields): MediaSource | undefined {
  const source = block.requiredObject("source");
  const format = block.string("format") ?? (kind === "document" ? "txt" : block.fail("format", "a string"));
  const known: Readonly<Record<string, string>> = formats[kind];
  const mediaType = known[format] ?? `${kind === "document" ? "application" : kind}/${format}`;
  const data = source.string("bytes");
  if (data !== undefined) return { kind: "base64", mediaType, data };
  const uri = source.object("s3Location")?.string("uri");
  return uri === undefined ? undefined : { kind: "url", url: uri };
}

/**
 * Writes a block of media.
 *
 * @throws HeadraceError `invalid-request` - Bedrock takes neither addresses outside of S3 nor this kind of file.
 */
export function writeMedia(
  part: Extract<Part, { type: "image" | "audio" | "file" }>,
  documentName: string,
): JsonObject {
  const { source } = part;
  if (source.kind === "file-id") throw unsendable("a file that was uploaded to another provider");
  if (source.kind === "url" && !source.url.startsWith("s3://")) {
    throw unsendable(`the address of ${article(part.type)} instead of its content; send it as base64`);
  }
  const found = part.type === "file" || source.kind === "base64" ? formatOf(part) : formatOfUrl(part.type, source.url);
  if (found === undefined) {
    const what = source.kind === "base64" ? source.mediaType.slice(0, 60) : "this type";
    throw unsendable(`${article(part.type)} of ${what}`);
  }
  const { kind, format } = found;
  const content = source.kind === "base64" ? { bytes: source.data } : { s3Location: { uri: source.url } };
  const named = kind === "document" ? { name: documentName } : {};
  return { [kind]: { format, ...named, source: content } };
}

interface Format {
  kind: MediaKind;
  format: string;
}

function formatOf({ type, source, ...part }: Extract<Part, { type: "image" | "audio" | "file" }>): Format | undefined {
  if (source.kind === "base64") {
    const written = source.mediaType.split(";")[0]?.trim().toLowerCase() ?? "";
    const mediaType = synonyms[written] ?? written;
    for (const kind of mediaKinds) {
      const found = Object.entries(formats[kind]).find(([, known]) => known === mediaType);
      if (found !== undefined) return { kind, format: found[0] };
    }
  }
  const name = "name" in part ? part.name : undefined;
  return formatOfUrl(type, name ?? (source.kind === "url" ? source.url : ""));
}

/** By the ending of its name. */
function formatOfUrl(type: "image" | "audio" | "file", name: string): Format | undefined {
  const ending = name.split(/[?#]/)[0]?.split(".").at(-1)?.toLowerCase() ?? "";
  const format = ending === "jpg" ? "jpeg" : ending === "3gp" ? "three_gp" : ending;
  const kinds: readonly MediaKind[] = type === "file" ? ["document", "video", "image", "audio"] : [type];
  const kind = kinds.find((one) => Object.hasOwn(formats[one], format));
  return kind === undefined ? undefined : { kind, format };
}

function article(type: "image" | "audio" | "file"): string {
  return { image: "an image", audio: "a sound", file: "a file" }[type];
}

function unsendable(what: string): HeadraceError {
  return new HeadraceError("invalid-request", `Bedrock cannot be sent ${what}`, { param: "messages" });
}
