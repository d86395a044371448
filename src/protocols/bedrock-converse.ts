import { readAnswer, writeAnswer } from "./bedrock-converse-answer.ts";
import { readError, writeError } from "./bedrock-converse-errors.ts";
import { encodeFrame } from "./bedrock-converse-frames.ts";
import { ConverseBodyReader } from "./bedrock-converse-reader.ts";
import { readRequest } from "./bedrock-converse-request.ts";
import { writeRequest } from "./bedrock-converse-request-writer.ts";
import { ConverseWriter } from "./bedrock-converse-writer.ts";
import type { Endpoint, Protocol } from "./protocol.ts";

/** Model ids may hold `:`, and as ARNs `/`: within a path all of it is one segment, as the vendor's client writes it. */
function pathSegment(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

const paths = /\/model\/([^/]+)\/converse(-stream)?$/;

const endpoint: Endpoint = {
  write: ({ model }) => `/model/${pathSegment(model)}/converse-stream`,
  read(path) {
    const [, segment, streaming] = paths.exec(path) ?? [];
    if (segment === undefined) return undefined;
    return { model: decoded(segment), stream: streaming !== undefined };
  },
};

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A stray `%`; no model is called like that, which the answer will say.
    return segment;
  }
}

/**
 * Amazon Bedrock Converse: the same request for every model there.
 *
 * @see https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
 */
export const bedrockConverse: Protocol = {
  name: "bedrock-converse",
  framing: "binary",
  contentType: "application/vnd.amazon.eventstream",
  endpoint,
  readRequest,
  writeRequest,
  createEventReader: () => new ConverseBodyReader(),
  createEventWriter: () => new ConverseWriter(),
  encodeFrame,
  readAnswer,
  writeAnswer,
  readError,
  writeError,
};
