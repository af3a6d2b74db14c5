// The table client x upstream x scenario, filled by the test run.

import type { Case } from "./exceptions.ts";

/** By client, then scenario, then upstream: results by mode. */
const notes = new Map<string, Map<string, Map<string, Map<string, string>>>>();

/** Records the result of a case; a later one replaces it. */
export function note({ client, upstream, scenario, mode }: Case, result: string): void {
  const scenarios = entry(notes, client.name, () => new Map<string, Map<string, Map<string, string>>>());
  const upstreams = entry(scenarios, scenario, () => new Map<string, Map<string, string>>());
  entry(upstreams, upstream, () => new Map<string, string>()).set(mode, result);
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/** As Markdown: `ok`, `-` for what can't apply, numbers for the reasons below. */
export function clientTable(): string {
  const reasons: string[] = [];
  const mark = (results: ReadonlyMap<string, string>): string => {
    const words = [...results.values()].map((result) => {
      const [word = "", reason] = result.split(": ", 2);
      if (reason === undefined) return word;
      if (!reasons.includes(reason)) reasons.push(reason);
      return `${word} (${reasons.indexOf(reason) + 1})`;
    });
    return [...new Set(words)].join(", ");
  };
  const lines: string[] = [];
  for (const [client, scenarios] of notes) {
    const columns = [...new Set([...scenarios.values()].flatMap((upstreams) => [...upstreams.keys()]))];
    lines.push("", `| ${client} | ${columns.join(" | ")} |`, `| --- |${" --- |".repeat(columns.length)}`);
    for (const [scenario, upstreams] of scenarios) {
      lines.push(`| ${scenario} | ${columns.map((column) => mark(upstreams.get(column) ?? new Map<string, string>())).join(" | ")} |`);
    }
  }
  return [...lines, "", ...reasons.map((reason, index) => `${index + 1}. ${reason}`)].join("\n");
}
