import type { Summary } from "../../../src/records/trace.ts";
import { Table } from "../elements/table.tsx";
import { writeCost, writeCount, writeDuration, writeKnown, writeRate } from "../numbers.ts";

/** What the numbers and charts are narrowed to. */
export interface Focus {
  by: "model" | "route" | "key";
  key: string;
}

const titles: Record<Focus["by"], string> = { model: "Model", route: "Route", key: "Key" };
const groupNames = ["Requests", "Errors", "First token p50", "p95", "Tokens/s", "Tokens in", "Tokens out", "Cost"];

export interface GroupsProps {
  by: Focus["by"];
  groups: Summary["groups"];
  focus: Focus | undefined;
  onFocus: (focus: Focus | undefined) => void;
}

/** Sums side by side; one of them can be looked at alone. */
export function Groups({ by, groups, focus, onFocus }: GroupsProps) {
  if (groups.length === 0) return null;
  return (
    <Table
      label={`By ${by}`}
      names={[titles[by], ...groupNames]}
      numbersFrom={1}
      rows={groups.map((sums) => {
        const { key } = sums;
        const isFocus = focus?.by === by && focus.key === key;
        return {
          key,
          cells: [
            <button
              key="key"
              type="button"
              aria-pressed={isFocus}
              title={isFocus ? "Show all" : `Show only this ${by} above`}
              className="hover:text-accent aria-pressed:text-accent max-w-80 truncate text-left underline decoration-dotted underline-offset-4 aria-pressed:font-semibold"
              onClick={() => onFocus(isFocus ? undefined : { by, key })}
            >
              {key || "–"}
            </button>,
            writeCount(sums.requests),
            writeCount(sums.errors),
            writeKnown(sums.ttftP50, writeDuration),
            writeKnown(sums.ttftP95, writeDuration),
            writeKnown(sums.tokensPerSecond, writeRate),
            writeCount(sums.inputTokens),
            writeCount(sums.outputTokens),
            sums.costUnknown === sums.requests ? "not known" : writeCost(sums.cost),
          ],
        };
      })}
    />
  );
}
