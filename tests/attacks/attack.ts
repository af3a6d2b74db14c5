// What an attack is: a function that gets a target, tries to hang, kill, fill or fool it, and says what it expected and what came.
// Never goes on for ever: every attack is bounded in count and in time, and stays on the loopback address.

import { AwakeClock } from "../support/awake.ts";
import type { Running, StartOptions } from "../support/program.ts";
import type { ScriptedUpstream } from "../support/upstream.ts";

export interface Target {
  /** Where the gateway listens, without a slash at the end. */
  readonly url: string;
  /** A client key that it knows. */
  readonly key: string;
  /** Its process; null where it was started by others and nobody said. */
  readonly pid: number | null;
}

/** A gateway that the runner started, for attacks that script its upstream, limit it or end it. */
export interface OwnTarget extends Target {
  readonly pid: number;
  readonly gateway: Running;
  /** What it runs on; the executable is Bun. For what a runtime makes impossible. */
  readonly runtime: "bun" | "deno";
  /** What the gateway asks. */
  readonly upstream: ScriptedUpstream;
  /** Starts one more on the same runtime, with settings besides those of the target. The runner ends it. */
  readonly start: (options?: OtherOptions) => Running;
}

export interface OtherOptions extends StartOptions {
  /** The most file descriptors that it may have open. */
  readonly fileLimit?: number;
}

/** One thing that an attack looked at. */
export interface Finding {
  readonly what: string;
  readonly expected: string;
  readonly came: string;
  /** Whether the gateway held. */
  readonly held: boolean;
}

export type Report = readonly Finding[];

/** What each file of this folder exports as `attack`. */
export type Attack<T extends Target = Target> = (target: T) => Promise<Report>;

/** A finding about a number that has a limit. */
export function atMost(what: string, { limit, came, unit }: { limit: number; came: number; unit: string }): Finding {
  return { what, expected: `at most ${limit} ${unit}`, came: `${Math.round(came)} ${unit}`, held: came <= limit };
}

/** A finding about a value that can be only this. */
export function exactly(what: string, { expected, came }: { expected: string; came: string }): Finding {
  return { what, expected, came, held: came === expected };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until something is so, at most `mostMs`; says whether it became so. */
export async function soon(condition: () => boolean | Promise<boolean>, mostMs = 10_000): Promise<boolean> {
  const limit = awake(mostMs);
  while (!(await condition())) {
    if (limit.isOver()) return false;
    await pause(10);
  }
  limit.stop();
  return true;
}

interface Limit {
  readonly isOver: () => boolean;
  /** Resolves with true when it is over. */
  readonly over: Promise<true>;
  /** Returns how many milliseconds have gone. */
  readonly stop: () => number;
}

/** So much time, in which a moment doesn't count when this process had no turn. */
function awake(mostMs: number): Limit {
  const clock = new AwakeClock();
  const startMs = clock.now();
  let isOver = false;
  let tell: (over: true) => void = () => {};
  const over = new Promise<true>((resolve) => (tell = resolve));
  const cancel = clock.after(mostMs, () => {
    isOver = true;
    tell(true);
  });
  return {
    isOver: () => isOver,
    over,
    stop() {
      const tookMs = clock.now() - startMs;
      cancel();
      return tookMs;
    },
  };
}

/** How long /health takes; `mostMs` where it took longer, or was not answered. */
export async function healthMs(url: string, mostMs = 15_000): Promise<number> {
  const limit = awake(mostMs);
  const leaving = new AbortController();
  // A connection of its own, as somebody who comes new has.
  const asking = fetch(`${url}/health`, { headers: { connection: "close" }, signal: leaving.signal }).then(
    async (response) => (await response.text()) !== "" && response.ok,
    () => false,
  );
  const isHealthy = await Promise.race([asking, limit.over.then(() => false)]);
  const tookMs = limit.stop();
  leaving.abort();
  return isHealthy ? tookMs : mostMs;
}

export interface Pulse {
  /** Ends the watch; resolves with the longest that /health took, in milliseconds. */
  readonly stop: () => Promise<number>;
}

/** Asks for /health again and again from now on. */
export function feelPulse(url: string): Pulse {
  let isOver = false;
  let worstMs = 0;
  const beating = (async () => {
    while (!isOver) {
      worstMs = Math.max(worstMs, await healthMs(url));
      await pause(50);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await beating;
      return worstMs;
    },
  };
}

/** How long anybody may have to wait while somebody else attacks. */
export const PULSE_MS = 2000;

export function pulseFinding(worstMs: number): Finding {
  return atMost("others meanwhile: the longest wait for /health", { limit: PULSE_MS, came: worstMs, unit: "ms" });
}
