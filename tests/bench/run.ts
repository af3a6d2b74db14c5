// `bun run bench`: what the gateway costs, measured on this machine. Nothing here uses the network.
//      --runtime executable,bun,deno   what runs the gateway; several are measured side by side (executable)
//      --peer NAME=http://KEY@127.0.0.1:PORT   another gateway that listens already, with the port below as its upstream; may be repeated
//      --peer-header "NAME: VALUE"   sent to peers alone; may be repeated
//      --upstream-port N   the port of the scripted upstream, for peers
//      --only WORD   scenarios whose name begins so; `start`, `idle` and `ledger` are names too; may be repeated
//      --profile   where the time of each scenario goes, in the place of what it costs
//      --quick   fewer and shorter rounds: for a look, not for the README;  --no-build   takes dist/ as it is
// Prints tables; writes the figures of every round to dist/bench.json, and progress to standard error.
// Exit code 1 when something could not be measured; a bar that is missed is said, and is no failure.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { verdicts, type LedgerResults, type Results } from "./bars.ts";
import { Load } from "./driver.ts";
import { measureCalls, measureRows } from "./ledger.ts";
import { measure, messageOf, type Pace, type ScenarioResult } from "./measure.ts";
import { endAll } from "./process.ts";
import { profile } from "./profile.ts";
import { SCENARIOS } from "./scenarios.ts";
import { measureIdle, measureStart, type IdleResult, type StartResult } from "./states.ts";
import { tables } from "./table.ts";
import {
  buildExecutable,
  directTarget,
  peerTarget,
  ROOT,
  RUNTIMES,
  STORES,
  startGateway,
  startNginx,
  startUpstream,
  type RuntimeName,
  type Target,
} from "./targets.ts";

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", default: "executable" },
    peer: { type: "string", multiple: true, default: [] },
    "peer-header": { type: "string", multiple: true, default: [] },
    only: { type: "string", multiple: true, default: [] },
    "upstream-port": { type: "string", default: "0" },
    quick: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
  },
});
// The engines' compilers take a share of the CPU time for the first ten seconds or so of each load.
const THOROUGH: Pace = { rounds: 5, share: 1, warmUpMs: 12_000 };
const QUICK: Pace = { rounds: 3, share: 0.4, warmUpMs: 500 };
const pace = options.quick ? QUICK : THOROUGH;
const STARTS = options.quick ? 5 : 15;
/** Half of all rounds take up to twice as long as the least on a shared machine. */
const LEDGER_ROUNDS = options.quick ? 3 : 60;
const NOTHING = { scenarios: [], starts: [], idle: [] };

const folder = mkdtempSync(`${tmpdir()}/factory-proxy-bench-`);
const cleanUp = (): void => {
  endAll();
  for (const made of [folder, STORES]) rmSync(made, { recursive: true, force: true });
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    cleanUp();
    process.exit(130);
  });
}

let isWhole = true;
let lastStep = "";
try {
  await bench();
} catch (error) {
  process.stderr.write(`\n${messageOf(error)}\n`);
  isWhole = false;
} finally {
  cleanUp();
}
process.exit(isWhole ? 0 : 1);

async function bench(): Promise<void> {
  const runtimes = runtimesOf(options.runtime);
  const chosen = SCENARIOS.filter(({ name }) => isChosen(name));
  if (chosen.length === 0 && !isChosen("start") && !isChosen("idle") && !isChosen("ledger")) {
    throw new Error(
      `--only takes ${[...SCENARIOS.map(({ name }) => name), "start", "idle", "ledger"].join(", ")}, or how one of them begins.`,
    );
  }
  const ledger = isChosen("ledger") ? await measureLedger() : null;
  if (options.only.length > 0 && options.only.every((word) => "ledger".startsWith(word))) return report({ ...NOTHING, ledger }, []);
  if (runtimes.includes("executable") && !options["no-build"] && !options.profile) {
    progress("building the executable");
    buildExecutable();
  }
  const upstream = await startUpstream(Number(options["upstream-port"]));
  const load = new Load();
  if (options.profile) {
    for (const scenario of chosen) {
      progress(`profile, ${scenario.title}`);
      process.stdout.write(`${await profile(scenario, { upstream, load, folder })}\n`);
    }
    return;
  }
  const direct = directTarget(upstream);
  const peers = options.peer.map((peer) => peerTarget(peer, options["peer-header"]));

  const starts: StartResult[] = [];
  if (isChosen("start")) {
    for (const runtime of runtimes) {
      const detail = (text: string): void => progress(`cold start, ${runtime}`, text);
      starts.push(await measureStart(runtime, { upstream, times: STARTS, progress: detail }));
    }
  }

  const idle: IdleResult[] = [];
  if (isChosen("idle")) {
    for (const start of [...runtimes.map((runtime) => () => startGateway(runtime, upstream)), () => startNginx(upstream, folder)]) {
      const target = await start();
      if (target === null) continue;
      progress(`idle streams, ${target.name}`);
      idle.push(await measureIdle(target, { load, direct, roundMs: 2000 * pace.share }));
      await target.stop();
    }
  }

  const scenarios: ScenarioResult[] = [];
  const targets: Target[] = [];
  if (chosen.length > 0) {
    for (const runtime of runtimes) targets.push(await startGateway(runtime, upstream));
    const nginx = await startNginx(upstream, folder);
    if (nginx === null) process.stderr.write("nginx is not installed: there is no limit to compare with.\n");
    else targets.push(nginx);
    targets.push(...peers);
  }
  for (const [index, scenario] of chosen.entries()) {
    const name = `${index + 1} of ${chosen.length}: ${scenario.title}`;
    scenarios.push(await measure(scenario, [direct, ...targets], { load, pace, progress: (text) => progress(name, text) }));
    if (Object.keys(scenarios.at(-1)?.faults ?? {}).length > 0) isWhole = false;
  }
  report({ scenarios, starts, idle, ledger }, targets);
}

async function measureLedger(): Promise<LedgerResults> {
  const measuring = { folder, rounds: LEDGER_ROUNDS, progress: (text: string): void => progress("ledger", text) };
  return { calls: await measureCalls(measuring), rows: await measureRows(options.quick ? 100_000 : 1_000_000, measuring) };
}

function report(results: Results, targets: readonly Target[]): void {
  progress("");
  const found = verdicts(results);
  const machine = `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown CPU"}, ${process.platform} ${process.arch}`;
  const versions = [...new Set([`bun ${process.versions["bun"] ?? "?"}`, ...targets.map(({ version }) => version)])].filter(
    (one) => one !== "",
  );
  const date = new Date().toISOString().slice(0, 10);
  const kind = options.quick ? " A quick run: for a look only." : "";
  process.stdout.write(`${date}, ${machine}; ${versions.join(", ")}.${kind}\n\n${tables(results, found)}`);
  mkdirSync(`${ROOT}dist`, { recursive: true });
  writeFileSync(
    `${ROOT}dist/bench.json`,
    `${JSON.stringify({ date, machine, versions, quick: options.quick, ...results, verdicts: found }, null, 1)}\n`,
  );
}

function isChosen(name: string): boolean {
  return options.only.length === 0 || options.only.some((word) => name.startsWith(word));
}

function runtimesOf(text: string): RuntimeName[] {
  return text.split(",").map((word) => {
    const runtime = RUNTIMES.find((name) => name === word);
    if (runtime === undefined) throw new Error(`--runtime takes ${RUNTIMES.join(", ")}, not ${word}.`);
    return runtime;
  });
}

/** One line that is written over; without a terminal, one line for each step. */
function progress(step: string, detail = ""): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${step}${detail === "" ? "" : `; ${detail}`}`);
  else if (step !== lastStep && step !== "") process.stderr.write(`${step}\n`);
  lastStep = step;
}
