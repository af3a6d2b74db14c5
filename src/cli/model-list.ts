// The models that can be called, with what is known of each, as a table and as JSON.

import { describe } from "../http/described-model.ts";
import type { Model } from "../models/catalog.ts";
import { Models } from "../models/models.ts";
import { forTerminal } from "../telemetry/text-line.ts";
import { CommandError, type Context, type Input } from "./command.ts";
import { columns, printShort } from "./usage-words.ts";

export function listModels(input: Input, context: Context): void {
  const { endpoints, models } = context.config();
  const all = new Models({ endpoints, models });
  const wanted = input.operand(0).toLowerCase();
  const found = all.list().filter(({ id, aliases }) => [id, ...aliases].some((name) => name.toLowerCase().includes(wanted)));
  // A name in another spelling, or of a family.
  const rows = found.length === 0 && all.knows(wanted) ? [all.entry(wanted)] : found;
  if (rows.length === 0) {
    const near = all.nearest(wanted).join(" or ");
    throw CommandError.failed(
      `Unknown model "${forTerminal(input.operand(0))}".${near === "" ? "" : ` Did you mean ${near}?`} Run \`factory-proxy models\` for a list.`,
    );
  }
  context.show(rows.map(jsonOf), () => tableOf(rows));
}

function jsonOf(model: Model): object {
  const { id, aliases, protocol, provider, pool, multiplier, price, fallback } = model;
  const { contextTokens, outputTokens, inputModalities } = describe(model);
  return { id, aliases, protocol, provider, pool, multiplier, contextTokens, outputTokens, inputModalities, price, fallback };
}

const HEAD = ["Model", "Protocol", "Pool", "Credits", "Context", "$ in", "$ out", "Aliases", "Fallback"];
const LEFT = 3;

function tableOf(models: readonly Model[]): string {
  const rows = models.map((model) => {
    const { id, aliases, protocol, pool, multiplier, price, fallback } = model;
    const { contextTokens } = describe(model);
    return [
      id,
      protocol,
      pool ?? "-",
      multiplier === null ? "-" : `${multiplier}x`,
      contextTokens === null ? "-" : printShort(contextTokens),
      price === null ? "-" : String(price.input),
      price === null ? "-" : String(price.output),
      aliases.join(", "),
      fallback.join(", "),
    ];
  });
  const used = HEAD.map((_, column) => column < HEAD.length - 2 || rows.some((row) => row[column] !== ""));
  const shown = [HEAD, ...rows].map((row) => row.filter((_, column) => used[column]));
  return [
    ...alignedWords(shown),
    "",
    "Credits are per token; list prices are in US dollars per million tokens. A dash means unknown.",
  ].join("\n");
}

/** The last columns hold text again. */
function alignedWords(rows: readonly (readonly string[])[]): string[] {
  const numbers = HEAD.length - 2;
  const lines = columns(
    rows.map((row) => row.slice(0, numbers)),
    LEFT,
  );
  const words = columns(
    rows.map((row) => row.slice(numbers)),
    HEAD.length,
  );
  return lines.map((line, index) => `${line}  ${words[index] ?? ""}`.trimEnd());
}
