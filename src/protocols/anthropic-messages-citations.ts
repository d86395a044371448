import type { Citation } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";

/** What a citation of any kind (page, document, search result) says in neutral words. */
export function readCitation(citation: JsonObject): Citation {
  const read: Citation = {};
  const url = citation["url"] ?? citation["source"];
  const title = citation["title"] ?? citation["document_title"];
  const quote = citation["cited_text"];
  const documentIndex = citation["document_index"] ?? citation["search_result_index"];
  if (typeof url === "string") read.url = url;
  if (typeof title === "string") read.title = title;
  if (typeof quote === "string") read.quote = quote;
  if (typeof documentIndex === "number") read.documentIndex = documentIndex;
  return read;
}

/** A citation of another protocol. Where in its source the words stand, nobody else says. */
export function writeCitation({ url, title, quote, documentIndex }: Citation): JsonObject {
  const cited_text = quote ?? "";
  if (url !== undefined) {
    return { type: "web_search_result_location", cited_text, url, title: title ?? null, encrypted_index: "" };
  }
  return {
    type: "char_location",
    cited_text,
    document_index: documentIndex ?? 0,
    document_title: title ?? null,
    file_id: null,
    start_char_index: 0,
    end_char_index: cited_text.length,
  };
}
