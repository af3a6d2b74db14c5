// What is no call: how long a runtime takes to start, what it holds then, and what idle streams cost.
// Does not count a start that has not answered a request with 200.

import { Buffer } from "node:buffer";
import type { Load } from "./driver.ts";
import { requestBytes } from "./http.ts";
import type { Asked, Spread } from "./load.ts";
import { median, pause } from "./measure.ts";
import { endProcess, firstAnswer, memoryOf, type Memory } from "./process.ts";
import { requestBody } from "./requests.ts";
import { LIMITS } from "./scenarios.ts";
import { launchGateway, type RuntimeName, type Target, type Upstream } from "./targets.ts";

export interface StartResult {
  readonly target: string;
  /** Medians, from the moment before the process is made: to the answer of `GET /health`, and of a converted call. */
  readonly healthMs: number;
  readonly callMs: number;
  /** After that first call. */
  readonly memory: Memory | null;
  readonly healthRounds: readonly number[];
  readonly callRounds: readonly number[];
}

export interface IdleResult {
  readonly target: string;
  readonly streams: number;
  readonly memory: Memory | null;
  /** Of a new call while the streams are open, over the same call to the upstream. */
  readonly addedMs: Spread;
}

const CALL: Asked = { client: "chat", upstream: "messages", body: "small", shape: "whole" };
const IDLE: Asked = { ...CALL, shape: "idle" };
const KEY = "bench-client-key";
const SETTLE_MS = 300;

export interface StartOptions {
  readonly upstream: Upstream;
  readonly times: number;
  readonly progress: (text: string) => void;
}

export async function measureStart(runtime: RuntimeName, { upstream, times, progress }: StartOptions): Promise<StartResult> {
  const healthRounds: number[] = [];
  const callRounds: number[] = [];
  let memory: Memory | null = null;
  // The first two bring the program's file into memory, and are not counted.
  for (let round = -2; round < times * 2; round++) {
    const isCall = round % 2 !== 0;
    progress(`start ${round + 1} of ${times * 2}`);
    const request = isCall ? requestBytes("/v1/chat/completions", { host: "127.0.0.1", key: KEY, body: requestBody(CALL) }) : HEALTH;
    const { child, port, startedMs } = await launchGateway(runtime, upstream);
    const status = await firstAnswer(port, { request });
    if (round >= 0) (isCall ? callRounds : healthRounds).push(performance.now() - startedMs);
    if (isCall && round === times * 2 - 1) {
      await pause(SETTLE_MS);
      memory = memoryOf(child.pid ?? null);
    }
    await endProcess(child);
    if (status !== 200) throw new Error(`The first answer of ${runtime} has the status ${status}.`);
  }
  return { target: runtime, healthMs: median(healthRounds) ?? 0, callMs: median(callRounds) ?? 0, memory, healthRounds, callRounds };
}

const HEALTH = Buffer.from("GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");

export interface IdleOptions {
  readonly load: Load;
  readonly direct: Target;
  readonly roundMs: number;
}

/** `target` should be fresh: what earlier calls have left in its memory would count. */
export async function measureIdle(target: Target, { load, direct, roundMs }: IdleOptions): Promise<IdleResult> {
  const calls = (to: Target) =>
    ({ type: "calls", address: to.address(CALL), asked: CALL, clients: 1, maxMs: roundMs, maxCalls: 10_000, rampMs: 0 }) as const;
  try {
    await load.run({ type: "hold", address: target.address(IDLE), asked: IDLE, streams: LIMITS.idleStreams });
    await pause(SETTLE_MS);
    const memory = memoryOf(target.pid);
    const whole = (await load.run(calls(target))).whole;
    await load.run({ type: "release" });
    const alone = (await load.run(calls(direct))).whole;
    const addedMs = { p50: whole.p50 - alone.p50, p90: whole.p90 - alone.p90, p99: whole.p99 - alone.p99 };
    return { target: target.name, streams: LIMITS.idleStreams, memory, addedMs };
  } finally {
    await load.attempt({ type: "release" });
  }
}
