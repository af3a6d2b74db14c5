// Where the time of a scenario goes: the gateway's source runs on Bun under the scenario's load, with the runtime's own profiler.
// Does not time anything. The profiler slows down what it looks at, so its shares count, and no figure of it is a cost.

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import type { Load } from "./driver.ts";
import { jobOf } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import { startGateway, type Upstream } from "./targets.ts";

const WARM_UP_MS = 5000;
const PROFILE_MS = 10_000;
const SAMPLE_US = 200;
const SHOWN = 40;

interface Frame {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** As the tools of Chromium have it: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/ (read 2026-11). */
interface CpuProfile {
  readonly nodes: readonly Frame[];
  readonly samples: readonly number[];
  /** Microseconds. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileOptions {
  readonly upstream: Upstream;
  readonly load: Load;
  readonly folder: string;
}

/** The functions with the largest shares, as a table. The warm-up is in it. */
export async function profile(scenario: Scenario, { upstream, load, folder }: ProfileOptions): Promise<string> {
  const place = `${folder}/profile-${scenario.name}`;
  mkdirSync(place, { recursive: true });
  const command = [process.execPath, "--cpu-prof", "--cpu-prof-interval", String(SAMPLE_US), `--cpu-prof-dir=${place}`, "src/main.ts"];
  const target = await startGateway("bun", upstream, command);
  for (const maxMs of [WARM_UP_MS, PROFILE_MS]) await load.run(jobOf(scenario, target, { clients: scenario.clients, maxMs }));
  await target.stop();
  const [file] = readdirSync(place).filter((name) => name.endsWith(".cpuprofile"));
  if (file === undefined) throw new Error("Bun wrote no profile.");
  return tableOf(scenario, JSON.parse(readFileSync(`${place}/${file}`, "utf8")) as CpuProfile);
}

function tableOf({ title }: Scenario, found: CpuProfile): string {
  const { own, all, totalUs } = shares(found);
  const percent = (us: number): string => `${((100 * us) / totalUs).toFixed(1)} %`.padStart(7);
  const rows = [...own].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  const lines = rows.map(([name, us]) => `| ${percent(us)} | ${percent(all.get(name) ?? 0)} | ${name} |`);
  return `${title}\n\n|    self |     all | function |\n|---------|---------|----------|\n${lines.join("\n")}\n`;
}

/** Microseconds by function: its own, and with all that it called. */
function shares({ nodes, samples, timeDeltas }: CpuProfile) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const own = new Map<string, number>();
  const all = new Map<string, number>();
  const add = (to: Map<string, number>, name: string, us: number): void => void to.set(name, (to.get(name) ?? 0) + us);
  let totalUs = 0;
  for (const [index, id] of samples.entries()) {
    const us = timeDeltas[index] ?? 0;
    totalUs += us;
    const seen = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node === undefined) break;
      const name = nameOf(node);
      if (seen.size === 0) add(own, name, us);
      if (!seen.has(name)) add(all, name, us);
      seen.add(name);
    }
  }
  return { own, all, totalUs };
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Frame): string {
  const place = url.replace(/^.*\/(?=(?:src|node_modules)\/)/, "");
  return `${functionName === "" ? "(anonymous)" : functionName} ${place === "" ? "(runtime)" : `${place}:${lineNumber + 1}`}`;
}
