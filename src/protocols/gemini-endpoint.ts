import { HeadraceError } from "../core/errors.ts";
import { percentDecoded } from "../core/percent-encoding.ts";
import type { Endpoint } from "./protocol.ts";

// Vertex has its project in the path, and some clients leave `models/` out when a model's name has a slash.
const asked =
  /\/v1(?:beta|alpha)?\d*\/(?:projects\/[^/]+\/locations\/[^/]+\/)?(?:publishers\/google\/)?(?:models\/)?(.+):(generateContent|streamGenerateContent)$/;

/** Gemini's addresses: model and kind of answer are in the path. Base URLs end with the version, such as `/v1beta`. */
export const endpoint: Endpoint = {
  write: ({ model }) => `/${modelPath(model)}:streamGenerateContent?alt=sse`,
  read(path) {
    const [, model, method] = asked.exec(path) ?? [];
    if (model === undefined) return undefined;
    return { model: percentDecoded(model), stream: method === "streamGenerateContent" };
  },
};

/** `models/gemini-x`, `tunedModels/x`: the resource of a model, safe to be put into a path. */
function modelPath(model: string): string {
  const segments = model.split("/");
  // A path with dots leads elsewhere on the provider's host, and the key would go along.
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw new HeadraceError("invalid-request", "the model's name is no name that Gemini could know", {
      param: "model",
    });
  }
  const path = segments.map(encodeURIComponent).join("/");
  return segments.length === 1 ? `models/${path}` : path;
}
