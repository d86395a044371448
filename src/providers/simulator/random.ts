/** Random numbers that depend on nothing but a text: the same seed gives the same numbers everywhere. */
export class SeededRandom {
  readonly #seed: string;
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#seed = seed;
    this.#state = Uint32Array.from([1, 2, 3, 4], (salt) => hash(seed, salt));
    // The generator needs some rounds until similar seeds have nothing in common any more.
    for (let round = 0; round < 12; round++) this.number();
  }

  /** Numbers of their own for one purpose, so that drawing more for it changes nothing elsewhere. */
  fork(purpose: string | number): SeededRandom {
    return new SeededRandom(`${this.#seed}/${purpose}`);
  }

  /** In [0, 1). The generator is sfc32, which is public domain. */
  number(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const result = (a + b + counter) >>> 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    return result / 2 ** 32;
  }

  /** Normally distributed with mean 0 and deviation 1 (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.number())) * Math.cos(2 * Math.PI * this.number());
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[Math.floor(this.number() * items.length)] ?? items[0];
  }

  shuffle<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, order: this.number() }))
      .toSorted((a, b) => a.order - b.order)
      .map(({ item }) => item);
  }

  /** An id as vendors make them: letters and digits. */
  id(length: number): string {
    const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return Array.from({ length }, () => characters[Math.floor(this.number() * characters.length)]).join("");
  }
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string, salt: number): number {
  let value = 2_166_136_261 ^ Math.imul(salt, 2_654_435_761);
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 16_777_619);
  return value ^ (value >>> 15);
}
