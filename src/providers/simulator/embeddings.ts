import { HeadraceError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { BodyFields } from "../../protocols/body-fields.ts";
import { SeededRandom } from "./random.ts";
import { tokensOf } from "./tokens.ts";

/** Dimensions of the models that can be embedded with. */
const models: Readonly<Record<string, number>> = { "text-embedding-3-small": 1536, "text-embedding-3-large": 3072 };

/** As OpenAI's limits are, so that a client that breaks them finds out here. */
const maxInputs = 2048;
const maxTokens = 8192;

/**
 * Answers `POST /v1/embeddings`: a unit vector for each text. Texts that share words have vectors that are close, the same
 * text always has the same one, so that searching in them can be tried out.
 *
 * @throws HeadraceError `invalid-request`, `model-not-found`.
 */
export function embed(body: JsonObject): JsonObject {
  const fields = new BodyFields(body);
  const model = fields.requiredString("model");
  const full = Object.hasOwn(models, model) ? models[model] : undefined;
  if (full === undefined) {
    const known = Object.keys(models).join(", ");
    throw new HeadraceError("model-not-found", `the simulator cannot embed with \`${model}\`; it has ${known}`, {
      param: "model",
    });
  }
  const dimensions = fields.integer("dimensions", { min: 1, max: full }) ?? full;
  const encoding = fields.oneOf("encoding_format", ["float", "base64"] as const) ?? "float";
  const inputs = readInputs(fields);
  const vectors = new WordVectors(model, full);
  const data = inputs.map((words, index) => {
    const vector = unit(vectors.sum(words).subarray(0, dimensions));
    return { object: "embedding", index, embedding: encoding === "base64" ? base64(vector) : [...vector] };
  });
  const tokens = inputs.reduce((sum, words) => sum + words.length, 0);
  return { object: "list", data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** The tokens of each text; numbers are tokens already. */
function readInputs(fields: BodyFields): string[][] {
  const expected = "a text, a list of texts, or tokens";
  const input = fields.value("input") ?? fields.fail("input", expected);
  const isOne = typeof input === "string" || (Array.isArray(input) && typeof input[0] === "number");
  const list: Json[] = isOne ? [input] : Array.isArray(input) ? input : fields.fail("input", expected);
  if (list.length === 0 || list.length > maxInputs) fields.fail("input", `a list of 1 to ${maxInputs} texts`);
  return list.map((item, index) => {
    const tokens = tokensIn(item) ?? fields.fail(`input[${index}]`, "a text that is not empty, or a list of tokens");
    if (tokens.length > maxTokens) fields.fail(`input[${index}]`, `at most ${maxTokens} tokens long`);
    return tokens;
  });
}

function tokensIn(item: Json): string[] | undefined {
  if (typeof item === "string") return item === "" ? undefined : tokensOf(item);
  const isTokens = Array.isArray(item) && item.length > 0 && item.every((token) => typeof token === "number");
  return isTokens ? item.map(String) : undefined;
}

/** A direction of its own for each word. */
class WordVectors {
  readonly #model: string;
  readonly #dimensions: number;
  readonly #known = new Map<string, Float32Array>();

  constructor(model: string, dimensions: number) {
    this.#model = model;
    this.#dimensions = dimensions;
  }

  sum(words: readonly string[]): Float32Array {
    const sum = new Float32Array(this.#dimensions);
    for (const word of words) {
      const direction = this.#of(word.trim().toLowerCase());
      for (let index = 0; index < sum.length; index++)
        sum[index] = (sum[index] as number) + (direction[index] as number);
    }
    return sum;
  }

  #of(word: string): Float32Array {
    let direction = this.#known.get(word);
    if (direction === undefined) {
      const random = new SeededRandom(`${this.#model}/${word}`);
      direction = Float32Array.from({ length: this.#dimensions }, () => random.number() - 0.5);
      this.#known.set(word, direction);
    }
    return direction;
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** 32-bit floats, the smaller end first, whatever this machine's own order is. */
function base64(vector: Float32Array): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, index) => view.setFloat32(index * 4, value, true));
  let text = "";
  for (const byte of new Uint8Array(view.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}
