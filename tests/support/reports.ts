// Test support: public reports. Each has a folder in `tests/fixtures/reports/` with the situation's request and the upstream's answer.

import { readFileSync } from "node:fs";

/** A file of a report, as it is. */
export function reported(name: string, file: "request.json" | "upstream.json"): string {
  return readFileSync(new URL(`../fixtures/reports/${name}/${file}`, import.meta.url), "utf8");
}
