import type { Citation } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import { isText, objectsIn } from "./json-values.ts";

const utf8 = new TextEncoder();

interface Said {
  text: string;
  units: Int32Array;
}

/** What a candidate cites. `text` is what it has said so far; Google counts its bytes, we count UTF-16 code units. */
export function readCitations(candidate: JsonObject, text: string): Citation[] {
  const grounding = candidate["groundingMetadata"];
  const metadata = candidate["citationMetadata"];
  if (!isJsonObject(grounding) && !isJsonObject(metadata)) return [];
  const said: Said = { text, units: unitsByBytes(text) };
  const citations: Citation[] = [];
  if (isJsonObject(grounding)) citations.push(...readGrounding(grounding, said));
  if (isJsonObject(metadata)) {
    for (const source of objectsIn(metadata["citationSources"] ?? metadata["citations"])) {
      citations.push({ ...readSource(source), ...readRange(source, said) });
    }
  }
  return citations;
}

function readGrounding(grounding: JsonObject, said: Said): Citation[] {
  const chunks = objectsIn(grounding["groundingChunks"]);
  const supports = objectsIn(grounding["groundingSupports"]);
  if (supports.length === 0) return chunks.map(readChunk);
  return supports.flatMap(({ segment, groundingChunkIndices }) => {
    const range = isJsonObject(segment) ? readRange(segment, said) : {};
    const indices = Array.isArray(groundingChunkIndices) ? groundingChunkIndices : [];
    return indices.flatMap((index) => {
      const chunk = chunks[Number(index)];
      return chunk === undefined ? [] : [{ ...readChunk(chunk), ...range }];
    });
  });
}

/** A page, a document or a place. */
function readChunk(chunk: JsonObject): Citation {
  const source = Object.values(chunk).find(isJsonObject);
  return source === undefined ? {} : readSource(source);
}

function readSource({ uri, title }: JsonObject): Citation {
  return { ...(isText(uri) && { url: uri }), ...(isText(title) && { title }) };
}

function readRange({ startIndex, endIndex, text: cited }: JsonObject, said: Said): Citation {
  if (typeof endIndex !== "number") return {};
  const start = said.units[typeof startIndex === "number" ? startIndex : 0] ?? -1;
  const end = said.units[endIndex] ?? -1;
  if (start < 0 || start >= end) return {};
  // Where both are there, they have to agree: a wrong place would be worse than none.
  if (isText(cited) && said.text.slice(start, end) !== cited) return {};
  return { startIndex: start, endIndex: end };
}

/** For each count of bytes how many UTF-16 code units of the text that is; -1 inside of characters. */
function unitsByBytes(text: string): Int32Array {
  const table = new Int32Array(utf8.encode(text).length + 1).fill(-1);
  let bytes = 0;
  let units = 0;
  table[0] = 0;
  for (const character of text) {
    bytes += utf8.encode(character).length;
    units += character.length;
    table[bytes] = units;
  }
  return table;
}

/** Citations as Google's `groundingMetadata`; `text` is the answer that they belong to. */
export function writeGrounding(citations: readonly Citation[], text: string): JsonObject {
  const chunks: JsonObject[] = [];
  const supports: JsonObject[] = [];
  const positions = new Map<string, number>();
  for (const { url, title, startIndex, endIndex } of citations) {
    const web: JsonObject = { uri: url ?? "", title: title ?? url ?? "" };
    const key = JSON.stringify(web);
    let position = positions.get(key);
    if (position === undefined) {
      positions.set(key, (position = chunks.length));
      chunks.push({ web });
    }
    if (endIndex === undefined) continue;
    const start = startIndex ?? 0;
    const segment = {
      startIndex: utf8.encode(text.slice(0, start)).length,
      endIndex: utf8.encode(text.slice(0, endIndex)).length,
      text: text.slice(start, endIndex),
    };
    supports.push({ segment, groundingChunkIndices: [position] });
  }
  return supports.length === 0 ? { groundingChunks: chunks } : { groundingChunks: chunks, groundingSupports: supports };
}
