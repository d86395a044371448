import type { Citation } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { isText } from "./json-values.ts";

const documentLocations = ["documentChar", "documentPage", "documentChunk"] as const;

export function readCitation(written: JsonObject): Citation {
  const { title, sourceContent, location } = written;
  const citation: Citation = {};
  if (isText(title)) citation.title = title;
  const quotes = Array.isArray(sourceContent)
    ? sourceContent.flatMap((part) => (isJsonObject(part) && isText(part["text"]) ? [part["text"]] : []))
    : [];
  if (quotes.length > 0) citation.quote = quotes.join("");
  if (!isJsonObject(location)) return citation;
  const { web } = location;
  if (isJsonObject(web) && isText(web["url"])) citation.url = web["url"];
  for (const name of documentLocations) {
    const place = location[name];
    if (isJsonObject(place) && typeof place["documentIndex"] === "number") {
      citation.documentIndex = place["documentIndex"];
    }
  }
  return citation;
}

export function writeCitation({ title, quote, url, documentIndex }: Citation): JsonObject {
  const written: JsonObject = {};
  if (title !== undefined) written["title"] = title;
  if (quote !== undefined) written["sourceContent"] = [{ text: quote }];
  if (url !== undefined) written["location"] = { web: { url } };
  else if (documentIndex !== undefined) written["location"] = { documentChar: { documentIndex } };
  return written;
}
