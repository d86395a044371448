import { renameSync, writeFileSync } from "node:fs";

type Value =
  | { text: string }
  | { integer: number }
  | { real: number }
  | { list: string[] | number[]; of: "text" | "real" | "integer" };

const firstWord = 260; // After <unk>, <s>, </s>, the 256 single bytes and the space.
const space = "\u2581";

/**
 * Writes a language model of one word's memory in the file format of llama.cpp.
 *
 * It is a Llama with one block that does nothing: the embedding is one-hot, so the output layer is the table of
 * ln P(next word | this word), counted in `sentences`. llama.cpp loads, runs and samples it like any other model.
 *
 * @param options.ends - whether an answer may come to an end of its own; otherwise it goes on until it is stopped.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export function makeModel(path: string, sentences: readonly string[], { ends }: { ends: boolean }): void {
  const lines = sentences.map((sentence) => sentence.match(/\w+|[.,;]/g) ?? []);
  const words = [...new Set(lines.flat())];
  const idOf = new Map(words.map((word, index) => [word, firstWord + index]));
  const size = Math.ceil((firstWord + words.length) / 64) * 64;
  const tensors = createTensors(size, countFollowers(lines, idOf, size, ends));
  // Another run may be reading the file, so it is replaced, not overwritten.
  writeFileSync(`${path}.${process.pid}`, writeGguf(describeModel(size, words), tensors));
  renameSync(`${path}.${process.pid}`, path);
}

/** `table[a][b]` is how often token b follows token a. */
function countFollowers(lines: string[][], idOf: Map<string, number>, size: number, ends: boolean): number[][] {
  const table = Array.from({ length: size }, () => Array.from({ length: size }, () => 0));
  const count = (from: number, to: number, times: number) => (table[from]![to]! += times);
  for (const line of lines) {
    const ids = line.map((word) => idOf.get(word)!);
    // Whatever a prompt ends with, also half a word in single bytes, the answer begins with a whole sentence.
    for (let before = 0; before < firstWord; before++) count(before, ids[0]!, 1);
    for (const [index, id] of ids.slice(1).entries()) count(ids[index]!, id, 1);
    count(ids.at(-1)!, ids[0]!, 1);
    if (ends) count(ids.at(-1)!, 2, 1 / 6);
  }
  return table;
}

function createTensors(size: number, followers: number[][]): Map<string, { shape: number[]; data: Float32Array }> {
  // The norm before the output layer stretches a one-hot vector to this length.
  const stretch = Math.sqrt(size);
  const identity = new Float32Array(size * size);
  const output = new Float32Array(size * size).fill(-20 / stretch);
  for (const [from, row] of followers.entries()) {
    identity[from * size + from] = 1;
    const total = row.reduce((sum, count) => sum + count, 0);
    for (const [to, count] of row.entries())
      if (count > 0) output[to * size + from] = Math.log(count / total) / stretch;
  }
  const ones = { shape: [size], data: new Float32Array(size).fill(1) };
  const zeros = (...shape: number[]) => ({ shape, data: new Float32Array(shape[0]! * shape[1]!) });
  return new Map([
    ["token_embd.weight", { shape: [size, size], data: identity }],
    ["output_norm.weight", ones],
    ["output.weight", { shape: [size, size], data: output }],
    ["blk.0.attn_norm.weight", ones],
    ["blk.0.ffn_norm.weight", ones],
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map(
      (name) => [`blk.0.${name}.weight`, zeros(size, size)] as const,
    ),
    ["blk.0.ffn_gate.weight", zeros(size, 64)],
    ["blk.0.ffn_up.weight", zeros(size, 64)],
    ["blk.0.ffn_down.weight", zeros(64, size)],
  ]);
}

function describeModel(size: number, words: string[]): Map<string, Value> {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const named = [
    "<unk>",
    "<s>",
    "</s>",
    ...bytes,
    space,
    ...words.map((word) => (/\w/.test(word) ? space + word : word)),
  ];
  const tokens = Array.from({ length: size }, (_, id) => named[id] ?? `<unused ${id}>`);
  return new Map<string, Value>([
    ["general.architecture", { text: "llama" }],
    ["general.name", { text: "One word of memory" }],
    ["general.file_type", { integer: 0 }],
    ["llama.context_length", { integer: 512 }],
    ["llama.embedding_length", { integer: size }],
    ["llama.block_count", { integer: 1 }],
    ["llama.feed_forward_length", { integer: 64 }],
    ["llama.attention.head_count", { integer: 8 }],
    ["llama.attention.head_count_kv", { integer: 8 }],
    ["llama.rope.dimension_count", { integer: size / 8 }],
    ["llama.attention.layer_norm_rms_epsilon", { real: 1e-5 }],
    ["llama.vocab_size", { integer: size }],
    ["tokenizer.ggml.model", { text: "llama" }],
    ["tokenizer.ggml.tokens", { list: tokens, of: "text" }],
    ["tokenizer.ggml.scores", { list: tokens.map((_, id) => (id < firstWord ? -1000 : -id)), of: "real" }],
    [
      "tokenizer.ggml.token_type",
      { list: tokens.map((_, id) => (id < 3 ? [2, 3, 3][id]! : id < 259 ? 6 : 1)), of: "integer" },
    ],
    ["tokenizer.ggml.bos_token_id", { integer: 1 }],
    ["tokenizer.ggml.eos_token_id", { integer: 2 }],
    ["tokenizer.ggml.unknown_token_id", { integer: 0 }],
  ]);
}

function writeGguf(keys: Map<string, Value>, tensors: ReturnType<typeof createTensors>): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const typeNumbers = { integer: 5, real: 6, text: 8, list: 9 };
  const padding = (length: number) => Buffer.alloc((32 - (length % 32)) % 32);

  const writeValue = (value: Value): Buffer[] => {
    if ("text" in value) return [u32(typeNumbers.text), text(value.text)];
    if ("integer" in value) return [u32(4), u32(value.integer)];
    if ("real" in value) return [u32(typeNumbers.real), f32(value.real)];
    const items = value.list.map((item) =>
      typeof item === "string" ? text(item) : value.of === "real" ? f32(item) : u32(item),
    );
    return [u32(typeNumbers.list), u32(typeNumbers[value.of]), u64(items.length), ...items];
  };
  const parts: Buffer[] = [Buffer.from("GGUF"), u32(3), u64(tensors.size), u64(keys.size)];
  for (const [key, value] of keys) parts.push(text(key), ...writeValue(value));

  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, tensor] of tensors) {
    parts.push(text(name), u32(tensor.shape.length), ...tensor.shape.map(u64), u32(0), u64(offset));
    const bytes = Buffer.from(tensor.data.buffer);
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const head = Buffer.concat(parts);
  return Buffer.concat([head, padding(head.length), ...data]);
}
