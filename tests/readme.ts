// `bun run readme`: writes the tables of the README anew. They are made from the program's own tables, and readme.test.ts holds them.
// In:  README.md, with each table between `<!-- name -->` and `<!-- /name -->`.
// Out: README.md with the tables as they should be; what stands outside of the marks is kept.

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { DOORS } from "../src/http/app.ts";
import { variablesTable } from "../src/config/variables.ts";
import { LOSSES, type LossRow } from "./support/losses.ts";

export const README = new URL("../README.md", import.meta.url);

/** The README with every table as the program has it now. @throws Error when a mark is missing. */
export function withTables(text: string): string {
  return Object.entries(TABLES).reduce((sum, [name, make]) => {
    const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const [start, end] = [sum.indexOf(open), sum.indexOf(close)];
    if (start === -1 || end < start) throw new Error(`README.md has no place for the table ${name}.`);
    return `${sum.slice(0, start + open.length)}\n${make()}\n${sum.slice(end)}`;
  }, text);
}

const TABLES: Readonly<Record<string, () => string>> = {
  doors: doorsTable,
  variables: variablesTable,
  losses: () => lossesTable(["refused", "reported"]),
  "silent-losses": () => lossesTable(["dropped", "emulated"]),
};

function doorsTable(): string {
  return table(
    ["Path", "What it is"],
    DOORS.map(({ path, about }) => [`\`POST ${path}\``, about]),
  );
}

/** One line a reason; behind it, by target, the fields that it is the reason for. */
function lossesTable(kinds: readonly LossRow["how"][]): string {
  const lines = kinds.flatMap((how) => {
    const rows = LOSSES.filter((row) => row.how === how);
    return [...new Set(rows.map(({ reason }) => reason))].toSorted().map((reason) => {
      const of = rows.filter((row) => row.reason === reason);
      const ways = [...new Set(of.map(wayOf))].map((way) => {
        const fields = of
          .filter((row) => wayOf(row) === way)
          .map(({ field, model }) => `\`${field}\`${model === undefined ? "" : ` (${model})`}`);
        return `${way}: ${[...new Set(fields)].join(", ")}`;
      });
      return [how, reason, ways.join("; ")];
    });
  });
  return table(["What happens", "Why", "Where"], lines);
}

function wayOf({ from, to }: LossRow): string {
  return `${from} → ${to}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return `${lines.join("\n")}\n`;
}

if (import.meta.main) {
  const text = readFileSync(README, "utf8");
  writeFileSync(README, withTables(text));
  process.stdout.write("README.md has its tables.\n");
}
