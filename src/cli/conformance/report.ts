// The output of a run: a table for people, JSON for programs, JUnit's XML for build servers.

import { forTerminal } from "../../telemetry/text-line.ts";
import { AREAS } from "./areas.ts";
import type { Verdict } from "./case.ts";
import type { Score } from "./scoring.ts";

export interface Run {
  readonly url: string;
  readonly mode: "live" | "lab";
  readonly models: readonly string[];
  readonly calls: number;
  readonly score: Score;
  readonly verdicts: readonly Verdict[];
}

export function jsonOf({ score: { score, areas }, ...run }: Run): object {
  return { url: run.url, mode: run.mode, models: run.models, calls: run.calls, score, areas, cases: run.verdicts };
}

export function tableOf({ url, mode, models, calls, score: { score, areas }, verdicts }: Run): string {
  const rows = areas.map(({ area, passed, failed, notOffered, leftOut, score: own }) => [
    area,
    own === null ? "-" : String(own),
    `${passed} of ${passed + failed}`,
    notOffered === 0 ? "" : `${notOffered} not offered`,
    leftOut === 0 ? "" : `${leftOut} left out`,
    AREAS[area],
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const failures = verdicts.filter(({ outcome }) => outcome === "failed").flatMap(failureLines);
  return [...failures, `${url}, ${mode}, ${models.join(", ")}, ${calls} calls`, "", ...lines, "", `score ${score}`].join("\n");
}

function failureLines({ area, name, expected, came, breaks }: Verdict): string[] {
  return [`${area} / ${name}`, `  expected: ${expected}`, `  came:     ${forTerminal(came ?? "")}`, `  breaks:   ${breaks}`, ""];
}

/** https://github.com/testmoapp/junitxml (read 2026-11) */
export function junitOf({ verdicts, score: { areas } }: Run): string {
  const suites = areas.map(({ area, passed, failed, notOffered, leftOut }) => {
    const skipped = notOffered + leftOut;
    const cases = verdicts.filter((one) => one.area === area).map(junitCase);
    return `  <testsuite name="${area}" tests="${passed + failed + skipped}" failures="${failed}" skipped="${skipped}">\n${cases.join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="factory-proxy conformance">\n${suites.join("")}</testsuites>\n`;
}

function junitCase({ area, name, outcome, expected, came, breaks }: Verdict): string {
  const head = `    <testcase classname="${area}" name="${escaped(name)}"`;
  if (outcome === "passed") return `${head}/>\n`;
  if (outcome !== "failed") return `${head}><skipped message="${outcome}"/></testcase>\n`;
  const words = `expected: ${expected}\ncame: ${came ?? ""}\nbreaks: ${breaks}`;
  return `${head}><failure message="${escaped(`expected ${expected}`)}">${escaped(words)}</failure></testcase>\n`;
}

/** Also removes characters that XML may not contain. */
function escaped(text: string): string {
  return text.replaceAll(NO_XML, "").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const NO_XML = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])/g;
