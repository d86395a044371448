import { parseArgs } from "node:util";
import { rows } from "./rows.ts";
import { scenarios } from "./scenarios.ts";

export interface Options {
  quick: boolean;
  /** Names of rows and scenarios to run. */
  rows: string[];
  scenarios: string[];
  startup: boolean;
  /** Overrides how often each row is measured. */
  rounds: number | undefined;
  json: string | undefined;
  write: boolean;
  help: boolean;
}

export const usage = `npm run bench -- [options]

  --quick            2 s per measurement, rough figures
  --only A,B         only these rows: ${rows.map(({ name }) => name).join(", ")}
  --scenario A,B     only these scenarios: ${scenarios.map(({ name }) => name).join(", ")}, startup
  --rounds N         measure each row N times per scenario; the table shows the median
  --json FILE        write everything measured as JSON
  --write            write bench/RESULTS.md
`;

/** @throws Error that says which name is unknown. */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      scenario: { type: "string" },
      rounds: { type: "string" },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const known = [...scenarios.map(({ name }) => name), "startup"];
  const wanted = pick("scenario", values.scenario, known);
  return {
    quick: values.quick,
    rows: pick(
      "row",
      values.only,
      rows.map(({ name }) => name),
    ),
    scenarios: wanted,
    // It says nothing about single rows.
    startup: wanted.includes("startup") && (values.only === undefined || values.scenario !== undefined),
    rounds: readRounds(values.rounds),
    json: values.json,
    write: values.write,
    help: values.help,
  };
}

function readRounds(text: string | undefined): number | undefined {
  if (text === undefined || /^[1-9]\d?$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new Error(`--rounds is a number from 1 to 99, not "${text}"`);
}

function pick(what: string, list: string | undefined, known: string[]): string[] {
  if (list === undefined) return known;
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no ${what} "${unknown}"; there are ${known.join(", ")}`);
  return names;
}
