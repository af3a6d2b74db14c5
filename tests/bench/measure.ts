// One scenario against all targets.
// Targets take turns, so that what else the machine does meets all of them; what is compared was measured side by side.
// Does not measure a target whose answer is not the upstream's, word for word.

import { DELTAS, PACE_MS } from "./answers.ts";
import type { Load } from "./driver.ts";
import type { Asked, Result, Spread } from "./load.ts";
import { cpuTimeUs, memoryOf, type Memory } from "./process.ts";
import type { Scenario } from "./scenarios.ts";
import type { Target } from "./targets.ts";

export interface Pace {
  readonly rounds: number;
  /** Share of the scenario's round that is taken. */
  readonly share: number;
  readonly warmUpMs: number;
}

export interface Round {
  readonly callsPerSecond: number | null;
  /** CPU time of the target's process for each call, in microseconds. */
  readonly cpuUs: number | null;
  readonly latencyMs: Spread;
}

export interface Measured {
  readonly target: string;
  readonly callsPerSecond: number | null;
  readonly cpuUsPerCall: number | null;
  /** Null where the answer has no deltas. */
  readonly cpuUsPerDelta: number | null;
  /** Over calling the upstream directly. */
  readonly addedMs: Spread;
  /** Medians of the ratios of each round, of CPU time per call. Null without the other one. */
  readonly timesNginx: number | null;
  readonly timesExecutable: number | null;
  /** At the end of the scenario. */
  readonly memory: Memory | null;
  readonly rounds: readonly Round[];
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly title: string;
  readonly clients: number;
  readonly deltas: number;
  readonly measured: readonly Measured[];
  /** Targets that could not be measured, and why. */
  readonly faults: Readonly<Record<string, string>>;
}

const MAX_CALLS = 200_000;
/** What a process still has to do for a call whose answer is out: write its log line, put things away. */
const SETTLE_MS = 30;
const ALONE_SHARE = 0.3;

export interface MeasureOptions {
  readonly load: Load;
  readonly pace: Pace;
  readonly progress: (text: string) => void;
}

export async function measure(scenario: Scenario, targets: readonly Target[], options: MeasureOptions): Promise<ScenarioResult> {
  const { pace, progress } = options;
  const faults: Record<string, string> = {};
  const rounds = new Map<string, Round[]>();
  const ready = await readyTargets(scenario, targets, { ...options, faults });
  for (let round = 0; round < pace.rounds; round++) {
    // Another one begins each time.
    const turn = [...ready.slice(round % ready.length), ...ready.slice(0, round % ready.length)];
    for (const target of turn) {
      if (faults[target.name] !== undefined) continue;
      progress(`round ${round + 1} of ${pace.rounds}, ${target.name}`);
      try {
        rounds.set(target.name, [...(rounds.get(target.name) ?? []), await oneRound(scenario, target, options)]);
      } catch (error) {
        faults[target.name] = messageOf(error);
      }
    }
  }
  const whole = ready.filter(({ name }) => faults[name] === undefined && rounds.get(name)?.length === pace.rounds);
  return {
    scenario: scenario.name,
    title: scenario.title,
    clients: scenario.clients,
    deltas: DELTAS[scenario.shape],
    measured: whole.map((target) => summary(target, { scenario, rounds })),
    faults,
  };
}

/** Those that give the right answer, warmed up. */
async function readyTargets(
  scenario: Scenario,
  targets: readonly Target[],
  { load, pace, progress, faults }: MeasureOptions & { readonly faults: Record<string, string> },
): Promise<Target[]> {
  const asked = askedOf(scenario);
  const ready: Target[] = [];
  let said: string | null = null;
  for (const target of [...targets].sort((a, b) => Number(b.name === "direct") - Number(a.name === "direct"))) {
    progress(`warming up ${target.name}`);
    try {
      const { text } = await load.run({ type: "check", address: target.address(asked), asked });
      said ??= text;
      if (text === "" || text !== said) throw new Error(`another answer than the upstream's: ${text.slice(0, 80)}`);
      if (target.name !== "direct") await load.run(jobOf(scenario, target, { clients: scenario.clients, maxMs: pace.warmUpMs }));
      ready.push(target);
    } catch (error) {
      faults[target.name] = messageOf(error);
    }
  }
  return ready;
}

async function oneRound(scenario: Scenario, target: Target, { load, pace }: MeasureOptions): Promise<Round> {
  const maxMs = scenario.roundMs * pace.share;
  const isAlone = scenario.latency === "alone";
  let loaded: Result | null = null;
  let cpuUs: number | null = null;
  if (target.name !== "direct" || !isAlone) {
    const before = cpuTimeUs(target.pid);
    loaded = await load.run(jobOf(scenario, target, { clients: scenario.clients, maxMs }));
    await pause(SETTLE_MS);
    const after = cpuTimeUs(target.pid);
    cpuUs = before === null || after === null ? null : (after - before) / loaded.calls;
  }
  const alone = isAlone ? await load.run(jobOf(scenario, target, { clients: 1, maxMs: maxMs * ALONE_SHARE })) : null;
  return {
    callsPerSecond: loaded === null ? null : (loaded.calls / loaded.elapsedMs) * 1000,
    cpuUs,
    latencyMs: alone?.whole ?? loaded?.first ?? { p50: 0, p90: 0, p99: 0 },
  };
}

/** What the load process is to do. */
export function jobOf(scenario: Scenario, target: Target, { clients, maxMs }: { clients: number; maxMs: number }) {
  const asked = askedOf(scenario);
  const isPaced = scenario.shape === "paced" || scenario.shape === "brief";
  // Streams that all begin in one moment would send all their deltas in one moment.
  const rampMs = isPaced ? DELTAS[scenario.shape] * PACE_MS : 0;
  return { type: "calls", address: target.address(asked), asked, clients, maxMs, maxCalls: MAX_CALLS, rampMs } as const;
}

export function askedOf({ client, upstream, body, shape }: Scenario): Asked {
  return { client, upstream, body, shape };
}

function summary(target: Target, { scenario, rounds }: { scenario: Scenario; rounds: ReadonlyMap<string, readonly Round[]> }): Measured {
  const own = rounds.get(target.name) ?? [];
  const direct = rounds.get("direct") ?? [];
  const added = (of: keyof Spread): number =>
    median(own.map((round, index) => round.latencyMs[of] - (direct[index]?.latencyMs[of] ?? 0))) ?? 0;
  const times = (other: string): number | null => {
    const others = rounds.get(other);
    if (others === undefined || other === target.name) return null;
    return median(own.map((round, index) => quotient(round.cpuUs, others[index]?.cpuUs ?? null)));
  };
  const cpuUsPerCall = median(own.map(({ cpuUs }) => cpuUs));
  const deltas = DELTAS[scenario.shape];
  return {
    target: target.name,
    callsPerSecond: median(own.map(({ callsPerSecond }) => callsPerSecond)),
    cpuUsPerCall,
    cpuUsPerDelta: cpuUsPerCall === null || deltas === 0 ? null : cpuUsPerCall / deltas,
    addedMs: { p50: added("p50"), p90: added("p90"), p99: added("p99") },
    timesNginx: times("nginx"),
    timesExecutable: times("executable"),
    memory: memoryOf(target.pid),
    rounds: own,
  };
}

function quotient(value: number | null, by: number | null): number | null {
  return value === null || by === null || by === 0 ? null : value / by;
}

/** Null when a value is missing. */
export function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0 || sorted.length < values.length) return null;
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
