type Point = [atMs: number, characters: number];

/** A timeline has at most this many points. */
const capacity = 400;
const startCapacity = 32;

/**
 * How many characters there were at which time, in little memory. Points that are close in time are one; how close that
 * is grows with the length of the whole.
 */
export class Timeline {
  /** Time and characters in turn. */
  #points = new Uint32Array(2 * startCapacity);
  #length = 0;
  /** Arrivals within this time of a point belong to it. */
  #stepMs = 1;

  /** Both numbers never get smaller. */
  add(atMs: number, characters: number): void {
    const last = this.#length - 2;
    if (last >= 0 && atMs - (this.#points[last] as number) < this.#stepMs) {
      this.#points[last + 1] = characters;
      return;
    }
    if (this.#length === this.#points.length) this.#makeRoom(atMs);
    this.#points[this.#length] = atMs;
    this.#points[this.#length + 1] = characters;
    this.#length += 2;
  }

  points(): Point[] {
    const points: Point[] = [];
    for (let index = 0; index < this.#length; index += 2) {
      points.push([this.#points[index] as number, this.#points[index + 1] as number]);
    }
    return points;
  }

  #makeRoom(atMs: number): void {
    const old = this.#points;
    if (old.length < 2 * capacity) {
      this.#points = new Uint32Array(Math.min(2 * old.length, 2 * capacity));
      this.#points.set(old);
      return;
    }
    this.#stepMs = Math.ceil((2 * (atMs - (old[0] as number))) / capacity) + 1;
    const length = this.#length;
    this.#length = 0;
    for (let index = 0; index < length; index += 2) this.add(old[index] as number, old[index + 1] as number);
  }
}

/** As text, in few characters: the steps from point to point in base 36. */
export function packTimeline(points: readonly Point[]): string {
  let [time, count] = [0, 0];
  return points
    .map(([atMs, characters]) => {
      const text = `${(atMs - time).toString(36)},${(characters - count).toString(36)}`;
      [time, count] = [atMs, characters];
      return text;
    })
    .join(";");
}

export function unpackTimeline(text: string): Point[] {
  let [time, count] = [0, 0];
  if (text === "") return [];
  return text.split(";").map((step) => {
    const [ms = "0", characters = "0"] = step.split(",");
    time += Number.parseInt(ms, 36);
    count += Number.parseInt(characters, 36);
    return [time, count];
  });
}
