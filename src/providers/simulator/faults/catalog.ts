/** What the value of an argument may be. */
export type ArgumentKind = "flag" | "duration" | "count" | "size" | "text";

export interface FaultArgument {
  kind: ArgumentKind;
  /** For people: what it changes, and what it is when left out. */
  what: string;
  /** When given, one of these. */
  choices?: readonly string[];
  /** Largest count or size. Whoever may call a gateway may ask for faults, so nothing is without bounds. */
  most?: number;
}

export interface FaultKind {
  group: FaultGroup;
  /** What happens, in one sentence for people. */
  what: string;
  /** `@` is understood. `bytes`: also after so many bytes. Left out, the fault has no place in the answer. */
  position?: "tokens" | "bytes";
  arguments?: Readonly<Record<string, FaultArgument>>;
  /** The argument that may stand without its name. */
  main?: string;
  /** As it is written in a request. */
  example: string;
}

export type FaultGroup = "connection" | "refusal" | "time" | "break" | "answer" | "events" | "bytes";

/** Headings of the groups, in the order they are told. */
export const faultGroups: Readonly<Record<FaultGroup, string>> = {
  connection: "No answer at all",
  refusal: "Refused",
  time: "Slow",
  break: "Broken off",
  answer: "Wrong answers",
  events: "Wrong events",
  bytes: "Unusual bytes",
};

const retryArguments: Readonly<Record<string, FaultArgument>> = {
  "retry-after": { kind: "text", what: "the header `retry-after`, whatever it says: `2`, `-5`, `soon`" },
  "retry-after-date": { kind: "count", what: "the same as a date, so many seconds from now" },
  "retry-after-ms": { kind: "text", what: "the header `retry-after-ms`" },
  "should-retry": { kind: "text", what: "the header `x-should-retry`", choices: ["true", "false"] },
  "retry-info": { kind: "text", what: "Google's `RetryInfo` in the body, such as `12s`" },
  header: { kind: "text", what: "any other header, such as `x-ratelimit-reset-requests:2s`" },
};

/** Everything that can go wrong on request. Protocols, help and documentation take it from here. */
export const faultKinds = {
  refuse: {
    group: "connection",
    what: "The connection is refused. Over HTTP it can only be reset at once, for it was accepted already.",
    arguments: { code: { kind: "text", what: "the error's code for `fetch`, such as `ENOTFOUND`; `ECONNREFUSED`" } },
    main: "code",
    example: "refuse",
  },
  "black-hole": {
    group: "connection",
    what: "The request is taken and never answered; the connection stays open.",
    example: "black-hole",
  },
  status: {
    group: "refusal",
    what: "An error of any status from 400 to 599, in the protocol's shape. The number alone is enough: `429`.",
    arguments: { status: { kind: "count", what: "the status; 500" }, ...retryArguments },
    main: "status",
    example: "429:retry-after=2",
  },
  quota: {
    group: "refusal",
    what: "The account has no credit left: a 429 that waiting does not help.",
    arguments: retryArguments,
    example: "quota",
  },
  "context-too-long": { group: "refusal", what: "The request is too long for the model.", example: "context-too-long" },
  "content-policy": { group: "refusal", what: "The content filter refuses the request.", example: "content-policy" },
  "prefill-refused": {
    group: "refusal",
    what: "A 400 when the last message is the assistant's; other requests are answered.",
    example: "prefill-refused",
  },
  flap: {
    group: "refusal",
    what: "Down for so long from the first request on, then healthy; with `up`, down again after that long.",
    arguments: {
      down: { kind: "duration", what: "how long it is down; 60 s" },
      up: { kind: "duration", what: "how long it is then up" },
      status: { kind: "count", what: "what it answers meanwhile; 503" },
    },
    main: "down",
    example: "flap:60s",
  },
  html: {
    group: "refusal",
    what: "A page of some proxy instead of an answer.",
    arguments: { status: { kind: "count", what: "its status; 200" } },
    main: "status",
    example: "html:502",
  },
  document: {
    group: "refusal",
    what: "A 200 with a JSON document that is no answer.",
    example: "document",
  },
  empty: { group: "refusal", what: "A 200 with the right headers and no body.", example: "empty" },
  "slow-headers": {
    group: "time",
    what: "The status and headers come late.",
    arguments: { wait: { kind: "duration", what: "how late; 20 s" } },
    main: "wait",
    example: "slow-headers:20s",
  },
  "slow-first-token": {
    group: "time",
    what: "The headers come at once, the first event late.",
    arguments: { wait: { kind: "duration", what: "how late; 20 s" } },
    main: "wait",
    example: "slow-first-token:20s",
  },
  comments: {
    group: "time",
    what: "Nothing but keep-alives, for ever.",
    arguments: { every: { kind: "duration", what: "how often; 1 s" } },
    main: "every",
    example: "comments",
  },
  stall: {
    group: "time",
    what: "Silence in the middle, for ever or for a while.",
    position: "bytes",
    arguments: {
      pause: { kind: "duration", what: "how long, after which the answer goes on; for ever" },
      comments: { kind: "flag", what: "keep-alives every second meanwhile" },
    },
    main: "pause",
    example: "stall@20",
  },
  drip: {
    group: "time",
    what: "The body comes in tiny pieces with a pause before each.",
    arguments: {
      every: { kind: "duration", what: "the pause; 50 ms" },
      bytes: { kind: "count", what: "bytes in a piece; 1" },
    },
    main: "every",
    example: "drip:50ms",
  },
  cut: {
    group: "break",
    what: "The connection is closed without the body's last chunk; without a place, before the headers.",
    position: "bytes",
    example: "cut@40",
  },
  reset: {
    group: "break",
    what: "The connection is reset (RST); without a place, before the headers.",
    position: "bytes",
    example: "reset@40",
  },
  eof: {
    group: "break",
    what: "The body ends cleanly as if it were complete, at the beginning when no place is given.",
    position: "bytes",
    example: "eof@40",
  },
  error: {
    group: "break",
    what: "An error in the stream of a 200, as its first event when no place is given.",
    position: "tokens",
    arguments: {
      kind: {
        kind: "text",
        what: "which; `overloaded`",
        choices: ["overloaded", "server", "rate-limit", "timeout", "invalid"],
      },
    },
    main: "kind",
    example: "error@20",
  },
  "content-filter": {
    group: "answer",
    what: "The content filter stops the answer: it ends properly, and says why.",
    position: "tokens",
    example: "content-filter@20",
  },
  restart: {
    group: "answer",
    what: "A request to go on with a begun answer is answered with everything from the start.",
    example: "restart",
  },
  repeat: {
    group: "answer",
    what: "The rest of a begun answer begins with the last words that were already said.",
    arguments: { words: { kind: "count", what: "how many words; 8", most: 1_000 } },
    main: "words",
    example: "repeat:8",
  },
  paraphrase: {
    group: "answer",
    what: "The answer, or the rest of a begun one, comes in other words.",
    example: "paraphrase",
  },
  "missing-end-marker": {
    group: "answer",
    what: "The last frame never comes (`[DONE]`, `message_stop`); the body ends cleanly.",
    arguments: { open: { kind: "flag", what: "the body does not end at all" } },
    example: "missing-end-marker",
  },
  "missing-finish-reason": {
    group: "answer",
    what: "The reason for the end is `null`.",
    example: "missing-finish-reason",
  },
  "missing-usage": { group: "answer", what: "No token counts.", example: "missing-usage" },
  "late-usage": { group: "answer", what: "The last two frames come in the wrong order.", example: "late-usage" },
  malformed: {
    group: "events",
    what: "The next event is cut in its middle, so that its JSON is broken.",
    position: "tokens",
    arguments: { extra: { kind: "flag", what: "a broken copy of the event before, so that nothing is lost" } },
    example: "malformed@20:extra",
  },
  duplicate: {
    group: "events",
    what: "The last event comes again.",
    position: "tokens",
    arguments: { times: { kind: "count", what: "how often; 1", most: 1_000 } },
    main: "times",
    example: "duplicate@20",
  },
  reorder: {
    group: "events",
    what: "The next two events come in the wrong order.",
    position: "tokens",
    example: "reorder@20",
  },
  giant: {
    group: "events",
    what: "One huge token.",
    position: "tokens",
    arguments: { size: { kind: "size", what: "its size; 2 MiB", most: 64 * 1024 ** 2 } },
    main: "size",
    example: "giant@20:2mb",
  },
  split: {
    group: "bytes",
    what: "Reads of so many bytes, wherever that cuts events.",
    arguments: { bytes: { kind: "count", what: "how many; 1" } },
    main: "bytes",
    example: "split:7",
  },
  "utf8-split": {
    group: "bytes",
    what: "Every character of several bytes is cut at each of them; `?words=` makes an answer that has such.",
    example: "utf8-split",
  },
  escapes: { group: "bytes", what: "All but ASCII is written as `\\u` escapes.", example: "escapes" },
  "line-ends": {
    group: "bytes",
    what: "Other line ends of server-sent events.",
    arguments: { with: { kind: "text", what: "which; `crlf`", choices: ["crlf", "cr", "mixed"] } },
    main: "with",
    example: "line-ends:cr",
  },
  bom: { group: "bytes", what: "The body begins with a byte order mark.", example: "bom" },
  "multi-line": { group: "bytes", what: "The data of an event is spread over several lines.", example: "multi-line" },
  "no-final-blank-line": {
    group: "bytes",
    what: "The blank line after the last event is missing.",
    example: "no-final-blank-line",
  },
  gzip: {
    group: "bytes",
    what: "The body is compressed, though nobody asked for it.",
    arguments: {
      layers: { kind: "count", what: "how many times over, from the tenth on by name only; 1", most: 1_000 },
    },
    main: "layers",
    example: "gzip",
  },
  bomb: {
    group: "bytes",
    what: "A small compressed body that becomes a large one.",
    arguments: { size: { kind: "size", what: "how large; 16 MiB", most: 1024 ** 3 } },
    main: "size",
    example: "bomb:16mb",
  },
  "content-type": {
    group: "bytes",
    what: "The content type is another one.",
    arguments: { type: { kind: "text", what: "which; `text/plain`" } },
    main: "type",
    example: "content-type:application/octet-stream",
  },
  "content-length": {
    group: "bytes",
    what: "The announced length is wrong: the body stops there, or breaks off before it.",
    arguments: { bytes: { kind: "count", what: "the announced length; 100" } },
    main: "bytes",
    example: "content-length:100",
  },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

export const faultNames = Object.keys(faultKinds) as readonly FaultName[];

export function faultKindOf(name: FaultName): FaultKind {
  return faultKinds[name];
}
