// From verdicts to scores: an area's score is the share of its cases that passed; the total is the mean of the areas.

import { AREA_NAMES, type AreaName } from "./areas.ts";
import type { Verdict } from "./case.ts";

export interface AreaScore {
  readonly area: AreaName;
  readonly passed: number;
  readonly failed: number;
  readonly notOffered: number;
  readonly leftOut: number;
  /** From 0 to 100; null: nothing was scored. */
  readonly score: number | null;
}

export interface Score {
  /** From 0 to 100, with one decimal, rounded down: 100 means no failure at all. */
  readonly score: number;
  readonly areas: readonly AreaScore[];
}

const FULL = 100;

export function scoreOf(verdicts: readonly Verdict[]): Score {
  const areas = AREA_NAMES.filter((area) => verdicts.some((one) => one.area === area)).map((area): AreaScore => {
    const count = (outcome: Verdict["outcome"]): number => verdicts.filter((one) => one.area === area && one.outcome === outcome).length;
    const [passed, failed] = [count("passed"), count("failed")];
    const unscored = { notOffered: count("not offered"), leftOut: count("left out") };
    return { area, passed, failed, ...unscored, score: passed + failed === 0 ? null : down((FULL * passed) / (passed + failed)) };
  });
  const shares = areas.filter(({ score }) => score !== null).map(({ passed, failed }) => (FULL * passed) / (passed + failed));
  return { score: shares.length === 0 ? 0 : down(shares.reduce((sum, share) => sum + share, 0) / shares.length), areas };
}

function down(score: number): number {
  return Math.floor(score * 10 + 1e-9) / 10;
}
