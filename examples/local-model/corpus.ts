/** Words by what may follow them, so that a model which only remembers one word still writes whole sentences. */
const list = (text: string): readonly string[] => text.split(", ");

const openings = list("The, Every, Our, One, At dawn our, In spring every, After rain our, Year after year our");
const subjects: Record<string, readonly string[]> = {
  wheel: list("turns, drives, creaks, lifts"),
  river: list("carries, bends, rises, feeds"),
  stream: list("hurries, carries, murmurs, bends"),
  brook: list("murmurs, hurries, feeds, wanders"),
  miller: list("grinds, listens, opens, mends"),
  current: list("pushes, slows, rises, keeps"),
  heron: list("waits, listens, stands"),
  millrace: list("feeds, narrows, drives, keeps"),
  ferryman: list("waits, rows, mends, keeps"),
  water: list("falls, gathers, rises, wanders, pushes"),
};
const adjectives = list("old, patient, quiet, cold, swift, green, tireless, narrow, bright, slow");
const transitive: Record<string, readonly string[]> = {
  turns: list("stone, gear, axle"),
  drives: list("stone, gear, hammer, saw"),
  lifts: list("bucket, gate, weight"),
  carries: list("leaf, boat, sack of grain, cargo"),
  feeds: list("pond, garden, channel"),
  grinds: list("sack of grain, handful of barley, harvest"),
  opens: list("gate, sluice, window"),
  mends: list("bucket, boat, rope, gate"),
  pushes: list("paddle, boat, weight"),
  keeps: list("rhythm, secret, promise, lantern"),
  rows: list("boat, cargo"),
};
const intransitive = list(
  "creaks, bends, rises, hurries, murmurs, wanders, listens, slows, waits, stands, narrows, falls, gathers, turns, rows",
);
const thingDeterminers = list("its, a, another, one more");
const prepositions = list("beside, below, past, under, along, toward, near, above");
const placeDeterminers = list("the, that, this");
const places = list("bridge, weir, meadow, valley, ford, willow, harbour, millpond, orchard, lock");
const endings = list(
  "before sunrise, while nobody watches, until evening, without hurry, until nightfall, as it always has, for those downstream",
);
const joins = [", and our", ", while every", "; meanwhile our", ", because every", ", and nothing is lost; our"];

/** Sentences about rivers and mills, the same ones every time. */
export function writeCorpus(sentences = 600): string[] {
  let state = 20_011;
  const pick = <Item>(items: readonly Item[]): Item => {
    state = (state * 48_271) % 2_147_483_647;
    return items[Math.floor((state / 2_147_483_647) * items.length)] as Item;
  };
  const oneIn = (count: number) => pick([...Array(count).keys()]) === 0;

  const clause = (): string => {
    const subject = pick(Object.keys(subjects));
    const verb = pick(subjects[subject] ?? []);
    const objects = transitive[verb];
    const thing =
      objects && !(intransitive.includes(verb) && oneIn(2)) ? ` ${pick(thingDeterminers)} ${pick(objects)}` : "";
    const place = thing === "" || oneIn(2) ? ` ${pick(prepositions)} ${pick(placeDeterminers)} ${pick(places)}` : "";
    return `${oneIn(2) ? `${pick(adjectives)} ` : ""}${subject} ${verb}${thing}${place}`;
  };
  return Array.from({ length: sentences }, () => {
    const rest = oneIn(3) ? `${pick(joins)} ${clause()}` : oneIn(3) ? ` ${pick(endings)}` : "";
    return `${pick(openings)} ${clause()}${rest}.`;
  });
}
