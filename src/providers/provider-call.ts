import { HeadraceError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { CallProvider } from "../core/provider-call.ts";
import { type HttpProviderOptions, readFailure, requestHeaders } from "./http-provider.ts";
import type { IncomingBody } from "./transport.ts";

/** Bytes that wait for a slow client before the provider is paused. */
const maxWaitingBytes = 64 * 1024;

/** Calls of a provider that nobody here understands: bodies go there, and answers come back, as they are. */
export function createProviderCall(options: HttpProviderOptions): CallProvider {
  const { name, protocol, transport } = options;
  const headers = requestHeaders(options);
  return async ({ path, body, signal }) => {
    const url = urlOf(path, body, options);
    const response = await transport({ method: "POST", url, headers, body: JSON.stringify(body), signal });
    if (response.status < 200 || response.status > 299) throw await readFailure(response, protocol);
    const contentType = response.headers["content-type"] ?? "";
    const encoding = response.headers["content-encoding"] ?? "identity";
    if (!/json|event-stream/.test(contentType) || encoding !== "identity") {
      response.body.cancel();
      throw new HeadraceError("provider-error", `${name} did not answer ${path} with JSON; check its base URL`);
    }
    return { contentType, body: webStream(response.body) };
  };
}

/** Where a vendor has its chats, it has the rest of its API. */
function urlOf(called: string, { model }: JsonObject, { baseUrl, path, query }: HttpProviderOptions): string {
  const folder = path?.endsWith(chats) === true ? path.slice(0, -chats.length) : "";
  const deployment = typeof model === "string" ? encodeURIComponent(model) : "";
  const url = baseUrl + folder.replace("{model}", () => deployment) + called;
  return query === undefined ? url : `${url}?${new URLSearchParams(query).toString()}`;
}

const chats = "/chat/completions";

function webStream(body: IncomingBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        body.pipe({
          push(bytes) {
            // Transports may use their buffer again.
            controller.enqueue(new Uint8Array(bytes));
            if ((controller.desiredSize ?? 0) <= 0) body.pause();
          },
          end(error) {
            if (error === undefined) controller.close();
            else controller.error(error);
          },
        });
      },
      pull: () => body.resume(),
      cancel: () => body.cancel(),
    },
    { highWaterMark: maxWaitingBytes, size: (bytes) => bytes.byteLength },
  );
}
