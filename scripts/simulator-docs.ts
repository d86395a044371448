// Writes docs/simulator.md from the table of faults, so that it cannot be wrong about any of them.
import { writeFileSync } from "node:fs";

import { type FaultArgument, faultGroups, faultKindOf, faultNames } from "../src/providers/simulator/faults/catalog.ts";
import { simulatorModels } from "../src/providers/simulator/simulator.ts";

/** The scenario that the page shows. */
export const exampleScenario = `rules:
  - model: gpt-4o # the first two calls are refused
    calls: 1-2
    faults: 503
  - model: gpt-4o # the third one is cut
    calls: 3
    faults: [cut@40, missing-usage]
    words: 60
    interval: 15
  - model: "claude-*" # down from the 10th second on, for a minute
    from: 10s
    for: 60s
    faults: refuse
`;

/** The whole page. */
export function simulatorPage(): string {
  return `# The simulator

<!-- Written by \`node scripts/simulator-docs.ts\` from src/providers/simulator/faults/catalog.ts. -->

A provider that needs no key and no network, answers the same question the same way every time, and fails in every way that
real providers do, when it is asked to. Headrace's own tests run against it; use it for those of your application:

\`\`\`sh
npx headrace simulate   # and in another terminal:
curl -N http://127.0.0.1:8485/v1/chat/completions -H 'content-type: application/json' \\
  -d '{"model": "gpt-4o?words=60&interval=15&fault=cut@40", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
\`\`\`

says 40 of 60 words, 15 ms each, and then closes the connection. The same through a gateway, which has the simulator under the
name \`sim\`, is the model \`sim/gpt-4o?words=60&interval=15&fault=cut@40\`.

It speaks every protocol that Headrace's providers speak, each at its own path, and every fault works in all of them: an error
has the shape of the protocol that asked, a comment becomes that protocol's ping.

## Answers

Models are ${simulatorModels.map((name) => `\`${name}\``).join(", ")}: each has the pace of its namesake, \`instant\` none. An
answer depends on model, messages and seed only; \`tools\`, \`response_format\`, \`stop\`, \`n\` and limits are kept to.

After a question mark, a model's name may say more:

| parameter | what |
|---|---|
| \`words=60\` | an answer of exactly so many words, one per event, the same from every model; every seventh has characters of several bytes |
| \`interval=15\` | milliseconds before each token, instead of the model's pace |
| \`signed\` | reasoning ends with a signature |
| \`fault=cut@40\` | something goes wrong; may be given several times |

An answer can be gone on with. When the last message is the assistant's and is the beginning of the answer, the rest of
it comes, to the character. When the last message is the user's, and it quotes the last words of what the assistant said before
it, between \`<tail>\` and \`</tail>\` or within the last pair of triple backticks, these words are repeated and the rest follows:

\`\`\`json
[
  { "role": "user", "content": "Why is the sky blue?" },
  { "role": "assistant", "content": "Sunlight is a mix of" },
  { "role": "user", "content": "You were cut off. Repeat exactly these last words, then go on: <tail>is a mix of</tail>" }
]
\`\`\`

Without the assistant's message, the user's has to say that it wants the answer continued. What was begun by
another simulated model is continued as well. The same request once more gets the same answer, so that its beginning can be
compared.

## Faults

A fault is \`name[@place][:argument,argument=value,...]\`. It is asked for in the model's name, in the header
\`x-simulator-fault\` (several with \`&\` between), or by a scenario.

Places are \`@40\` (after 40 tokens, or words with \`words=\`), \`@120b\` (after 120 bytes of the body; for breaks and stalls),
and \`@text+3\`, \`@reasoning+3\`, \`@tool-call+3\` (3 tokens into the first block of that kind; without a number 1). At \`@0\`
nothing has been sent but the headers. A place that an answer does not reach is never reached: nothing happens.

Every fault may have conditions among its arguments: \`calls=1\`, \`calls=1-3\`, \`calls=4-\` (only in these calls),
\`for=10s\` (only so long from the first call on), \`chance=0.1\` (only sometimes, decided by the seed). Calls that ask for exactly
the same are counted together. \`429:retry-after=2,calls=1\` is refused once and then served. Durations are
\`250ms\`, \`20s\`, \`2m\`, or milliseconds without a unit; sizes \`512kb\`, \`2mb\`, or bytes.

${Object.keys(faultGroups).map(groupText).join("\n")}
Over HTTP, broken connections are really broken: sockets are closed or reset, bodies end without their last chunk, requests
are never answered. Names that cannot be resolved, ports where nobody listens and wrong certificates are better had from
an address that is like that. A kept-alive connection that was closed meanwhile is \`reset:calls=2\`, on the client's second call.

## Scenarios

\`headrace simulate --scenario scenario.yaml\` (or \`.json\`) decides per call, without a word in the request:

\`\`\`yaml
${exampleScenario}\`\`\`

The first rule that fits a call counts. \`model\` may have \`*\` in it; \`calls\` counts the calls to the rule's models from 1; \`from\` is
counted from the simulator's start. \`faults\`, \`words\` and \`interval\` are as above. What the request asks for itself comes on top. A list
of rules alone will do; \`seed\` beside \`rules\` makes other answers.
`;
}

function groupText(group: string): string {
  const rows = faultNames.flatMap((name) => {
    const kind = faultKindOf(name);
    if (kind.group !== group) return [];
    const own = Object.entries(kind.arguments ?? {}).map(([key, argument]) => argumentText(key, argument, kind.main));
    const place = kind.position === undefined ? "" : "@ ";
    return [`| \`${name}\` | \`${kind.example}\` | ${kind.what} | ${place}${own.join("; ")} |`];
  });
  const title = faultGroups[group as keyof typeof faultGroups];
  return `### ${title}\n\n| fault | example | what happens | place and arguments |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function argumentText(key: string, { kind, what, choices }: FaultArgument, main: string | undefined): string {
  const name = key === main ? `\`${key}=\` or alone` : kind === "flag" ? `\`${key}\`` : `\`${key}=\``;
  return `${name}: ${what}${choices === undefined ? "" : ` (${choices.map((one) => `\`${one}\``).join(", ")})`}`;
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/simulator.md", import.meta.url), simulatorPage());
}
