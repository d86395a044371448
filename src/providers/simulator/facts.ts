/** Questions that everyone asks first, with answers that are true. */
export const famousAnswers: readonly (readonly [question: RegExp, answer: string])[] = [
  [
    /\bsky\b.*\bblue\b|\bblue\b.*\bsky\b/,
    `Sunlight looks white, but it is a mix of all colours. In the air it meets molecules much smaller than the wavelength of light, and these scatter short waves far more than long ones: the strength goes with 1/λ⁴. This is **Rayleigh scattering**.

- **Blue** light (450 nm) is scattered about four times as strongly as red light (650 nm), so it reaches your eyes from every part of the sky.
- **Violet** is scattered even more, but sunlight has less of it and our eyes are less sensitive to it.
- **At sunset** light has a longer way through the air. Most of the blue has been scattered aside by then, and the reds remain.`,
  ],
  [
    /\brainbows?\b/,
    `A rainbow is sunlight that has been inside raindrops.

1. Light is **refracted** as it enters a drop; blue bends more than red, so the colours spread.
2. It is **reflected** once off the back of the drop.
3. It is refracted again on its way out.

Most of it leaves at an angle of about 42° for red and 40° for violet, measured from the point opposite the sun. That is why you only see a rainbow with the sun behind you, why red is on the outside, and why everyone sees a rainbow of their own.`,
  ],
  [
    /\bseasons\b|\b(summer|winter)\b.*\b(hot|cold|warm)|\b(hot|cold|warm)\w*\b.*\b(summer|winter)\b/,
    `The seasons come from the tilt of the Earth's axis, about **23.4°**, and not from its distance to the sun: the Earth is closest to the sun in early January, in the middle of the northern winter.

- In **summer** your half of the Earth leans towards the sun. It stands higher, so the same light falls on less ground, and the days are longer.
- In **winter** it is the other way round.

This is why the two hemispheres always have opposite seasons.`,
  ],
  [
    /\btides?\b/,
    `Tides come from *differences* in gravity. The moon pulls the near side of the Earth a little more than its centre, and the centre a little more than the far side. The oceans are stretched along that line, so there are **two bulges**, one towards the moon and one away from it.

The Earth turns beneath them, and most coasts see two high tides in 24 hours and 50 minutes. The sun does the same with a bit less than half the effect: at new and full moon both add up to a **spring tide**, at half moon they work against each other, a **neap tide**.`,
  ],
  [
    /\bphotosynthesis\b/,
    `Photosynthesis turns light into sugar: 6 CO₂ + 6 H₂O + light → C₆H₁₂O₆ + 6 O₂. It has two stages, both in the chloroplasts:

1. **Light reactions.** Chlorophyll absorbs light, mostly red and blue. The energy splits water, releases oxygen, and charges two carriers, ATP and NADPH.
2. **The Calvin cycle.** With that energy the enzyme RuBisCO fixes carbon dioxide, and sugars are built from it.

Nearly all the oxygen that we breathe was made this way, and plants are green because that is the light they use least.`,
  ],
  [
    /\bblack holes?\b/,
    `A black hole is a region where gravity is so strong that nothing gets out, not even light. Its border is the **event horizon**; for a mass like the sun's it would have a radius of about 3 km.

- **Small ones** are what is left when a massive star collapses at the end of its life.
- **Huge ones**, millions to billions of suns, sit at the centres of galaxies. Ours is Sagittarius A*, about four million suns.

They are not vacuum cleaners: from afar they pull exactly like any other body of the same mass. We see them by the hot gas around them, by the orbits of nearby stars, and by the gravitational waves of their mergers.`,
  ],
  [
    /\b(quantum comput\w*|qubits?)\b/,
    `A classical bit is 0 or 1. A **qubit** has an amplitude for each, and *n* entangled qubits have 2ⁿ amplitudes at once. A quantum computer changes all of them with each gate.

The catch: a measurement shows only one outcome. So the art is **interference**, arranging the steps such that wrong answers cancel and right ones add up.

- It helps a lot with factoring (Shor) and with simulating molecules, and a bit with search (Grover, a quadratic gain).
- It does *not* simply try every answer in parallel, and your laptop stays better at nearly everything else.`,
  ],
  [
    /\b(large )?language models?\b|\bllms?\b|\btransformer (model|architecture|network)|how do transformers work/,
    `A large language model does one thing: it **predicts the next token**, a piece of a word, from all the tokens before it. It adds that token to the text and starts over.

1. **Training** shows it vast amounts of text and nudges billions of weights until its predictions get better. Further training on examples and ratings makes it helpful.
2. **Attention**, the core of the transformer, lets each token weigh every earlier one, so that "it" finds its noun many sentences away.
3. **Sampling** picks one of the likely tokens; temperature says how boldly.

One token at a time: that is also why answers arrive as a stream.`,
  ],
  [
    /\bserver[- ]sent events?\b|\bsse\b/,
    `**Server-Sent Events** are a plain HTTP response that does not end: the type is \`text/event-stream\`, and each event is a few lines followed by an empty one.

\`\`\`text
id: 41
data: {"text": "Hello"}

\`\`\`

- The browser's \`EventSource\` **reconnects by itself** and sends the last \`id\` as \`Last-Event-ID\`, so a server that keeps a log can go on where the client stopped.
- Lines that begin with a colon are comments; sent now and then, they keep proxies from closing the connection.
- It goes one way only, from server to client. For both ways there are WebSockets.`,
  ],
  [
    /\btcp\b.*\budp\b|\budp\b.*\btcp\b/,
    `Both carry data between programs on top of IP. They differ in what they promise:

| | TCP | UDP |
|---|---|---|
| Unit | a stream of bytes | single datagrams |
| Delivery | repeated until acknowledged | sent once, may be lost |
| Order | kept | not kept |
| Start | a handshake of one round trip | none |
| Good for | web pages, mail, files | calls, games, DNS |

QUIC, below HTTP/3, builds reliable streams on UDP, so that one lost packet does not hold up the others.`,
  ],
  [
    /\brecursion\b|\brecursive\b/,
    `Recursion means solving a problem with the solution of a smaller problem of the same kind. Two parts are needed:

1. a **base case** that is answered directly, and
2. a **step** that leads every other case closer to it.

\`\`\`python
def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)
\`\`\`

Each call waits on the stack for the one it made, so depth costs memory. Trees, nested documents and divide-and-conquer fit it well. To understand recursion, it helps to have understood recursion.`,
  ],
  [
    /\bvaccin\w+/,
    `A vaccine shows the immune system what a germ looks like, without the illness. It contains a harmless part of the germ, a weakened or dead one, or, with mRNA, instructions to make one of its proteins for a short while.

1. Immune cells pick up the foreign protein and present it.
2. Matching **B cells** multiply and make antibodies; matching **T cells** learn to destroy infected cells.
3. Some of both stay for years as **memory cells**.

When the real germ comes, the answer takes days less than the first time, often early enough that you never notice.`,
  ],
  [
    /\bmeaning of life\b/,
    "**42**, according to Douglas Adams, though his computer took seven and a half million years and nobody had written down the question.\n\nPhilosophers are slower still, but many of them end up nearby: be useful to someone, stay curious, and do not wait for the answer before you begin.",
  ],
  [
    /\bspeed of light\b/,
    "Light travels at exactly **299,792,458 metres per second** in a vacuum. Exactly, because since 1983 the metre has been defined by it.",
  ],
  [
    /\b(tallest|highest) mountain\b/,
    "**Mount Everest** is the highest above sea level, at 8,849 metres. Measured from its base on the sea floor, Mauna Kea in Hawaii is taller.",
  ],
  [
    /\b(largest|biggest) planet\b/,
    "**Jupiter**. It has more than twice the mass of all other planets of the solar system together.",
  ],
  [
    /\bfirst\b.*\b(on the moon|moon landing)\b/,
    "**Neil Armstrong**, on 20 July 1969 (UTC already 21 July), followed by Buzz Aldrin; Michael Collins stayed in orbit.",
  ],
  [
    /\bwho wrote\b.*\b(hamlet|macbeth|romeo)\b/,
    "**William Shakespeare**, at around the turn from the 16th to the 17th century.",
  ],
];

export const capitals: Readonly<Record<string, string>> = {
  argentina: "Buenos Aires",
  australia: "Canberra",
  austria: "Vienna",
  brazil: "Brasília",
  canada: "Ottawa",
  chile: "Santiago",
  china: "Beijing",
  denmark: "Copenhagen",
  egypt: "Cairo",
  england: "London",
  finland: "Helsinki",
  france: "Paris",
  germany: "Berlin",
  greece: "Athens",
  india: "New Delhi",
  ireland: "Dublin",
  italy: "Rome",
  japan: "Tokyo",
  kenya: "Nairobi",
  mexico: "Mexico City",
  "new zealand": "Wellington",
  norway: "Oslo",
  poland: "Warsaw",
  portugal: "Lisbon",
  "south korea": "Seoul",
  spain: "Madrid",
  sweden: "Stockholm",
  switzerland: "Bern",
  turkey: "Ankara",
  ukraine: "Kyiv",
  "the united kingdom": "London",
  "the united states": "Washington, D.C.",
  "the netherlands": "Amsterdam",
};
